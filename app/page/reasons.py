"""The part of the table of texts that says why: kinds of failure, ends of answers, conditions of
accounts. The names are ``failure.<Kind>``, ``end.<StopReason>``, ``state.<Condition>`` and
``unready.<Condition>``.
"""

from collections.abc import Mapping

from .text import Text

REASONS: Mapping[str, Text] = {
    # caused by the client
    "failure.invalid_request": Text(
        "The request is not valid. Its message names the field to change.",
        "请求无效，说明中指出了需要修改的字段。",
    ),
    "failure.authentication": Text("The key is not valid.", "密钥无效。"),
    "failure.permission": Text("The key may not do this.", "该密钥无权执行此操作。"),
    "failure.not_found": Text("There is nothing of this name.", "没有这个名称的对象。"),
    "failure.method_not_allowed": Text(
        "The path does not take this method.", "该路径不支持此方法。"
    ),
    "failure.request_too_large": Text("The request is too large.", "请求过大。"),
    "failure.unsupported_coding": Text(
        "The body is compressed in a way that is not supported.", "不支持该压缩方式。"
    ),
    "failure.unsupported_thread": Text(
        "The conversation needs what is not kept here.", "会话需要此处未保存的内容。"
    ),
    "failure.key_limited": Text(
        "The key has reached a limit of its own. Wait, or ask the owner for more.",
        "该密钥达到自身限额，请等待或请所有者调高。",
    ),
    "failure.budget": Text(
        "The key has spent its budget. Wait for the next period, or ask the owner for more.",
        "该密钥的预算已用完，请等待下个周期或请所有者调高。",
    ),
    # reported by the service
    "failure.context_too_long": Text(
        "The conversation is longer than the model's window. Shorten it or compact it.",
        "会话超出模型的上下文窗口，请缩短或压缩。",
    ),
    "failure.invalid_model": Text(
        "The service does not know this model, or the account does not have it.",
        "服务不认识该模型，或账号没有该模型。",
    ),
    "failure.rejected": Text("The service refused the request.", "服务拒绝了请求。"),
    "failure.throttled": Text(
        "The service asks to wait: too many requests.", "请求过多，服务要求稍候。"
    ),
    "failure.quota": Text("The account's quota is used up.", "账号配额已用完。"),
    "failure.capacity": Text(
        "The model is overloaded. Try again, or choose another.",
        "模型负载过高，请重试或换用其他模型。",
    ),
    "failure.suspended": Text("The service has suspended the account.", "服务已停用该账号。"),
    "failure.refused_token": Text(
        "The service refused the login. Log the account in again.",
        "服务拒绝了该登录，请重新登录账号。",
    ),
    "failure.forbidden": Text(
        "The account may not do this: check its plan, profile and region.",
        "账号无权执行此操作，请检查套餐、配置和区域。",
    ),
    "failure.unavailable": Text("The service was unavailable.", "服务不可用。"),
    "failure.upstream_error": Text("The service failed.", "服务出错。"),
    # on the way
    "failure.connection": Text(
        "The service could not be reached: look at the network and the proxy.",
        "无法连接服务，请检查网络和代理。",
    ),
    "failure.tls": Text("The service's certificate could not be verified.", "无法验证服务的证书。"),
    "failure.timeout": Text("The service took too long.", "服务超时。"),
    "failure.truncated": Text("The answer broke off.", "应答中断。"),
    "failure.corrupt": Text("The answer was damaged on its way.", "应答在传输中损坏。"),
    "failure.empty": Text("The service sent an empty answer.", "服务返回了空应答。"),
    "failure.not_fulfilled": Text(
        "The answer lacks what the request demands of it.", "应答未满足请求的要求。"
    ),
    # in the gateway
    "failure.no_credential": Text("No account is logged in.", "没有已登录的账号。"),
    "failure.login_over": Text(
        "The account's login is over. Log it in again.", "账号登录已失效，请重新登录。"
    ),
    "failure.overloaded": Text(
        "Too many answers are in progress in this gateway. Try again.",
        "网关进行中的应答过多，请重试。",
    ),
    "failure.cancelled": Text("The client left before its answer.", "客户端在应答前离开。"),
    "failure.shutting_down": Text(
        "The gateway was being stopped. Try again.", "网关正在停止，请重试。"
    ),
    "failure.internal": Text(
        "A defect of the gateway. Its log has more under the request's id.",
        "网关内部错误，日志中可按请求编号查看详情。",
    ),
    # how an answer ended
    "end.end_turn": Text("whole", "完整"),
    "end.tool_use": Text("calls a tool", "调用工具"),
    "end.max_tokens": Text("ended at its limit of tokens", "达到词元上限"),
    "end.stop_sequence": Text("ended at a stop sequence", "遇到停止序列"),
    "end.context_window": Text("ended at the model's window", "达到模型上下文上限"),
    "end.pause_turn": Text("paused by the service", "服务暂停"),
    "end.compaction": Text("a summary of the conversation", "会话摘要"),
    "end.refusal": Text("the model refused", "模型拒绝"),
    # conditions of accounts
    "state.untried": Text("not tried yet", "尚未试用"),
    "state.ready": Text("works", "正常"),
    "state.throttled": Text("asked to wait", "被要求稍候"),
    "state.quota used up": Text("quota used up", "配额已用完"),
    "state.unreachable": Text("could not be reached", "无法连接"),
    "state.refused": Text("refused", "被拒绝"),
    "state.login over": Text("login over", "登录已失效"),
    "state.suspended": Text("suspended", "已停用"),
    # why nothing can be answered
    "unready.no login": Text("No account is logged in.", "没有已登录的账号。"),
    "unready.throttled": Text("The service asks to wait.", "服务要求稍候。"),
    "unready.quota used up": Text("The quota is used up.", "配额已用完。"),
    "unready.unreachable": Text(
        "The login cannot be refreshed now: the service was not reached.",
        "登录暂时无法刷新：无法连接服务。",
    ),
    "unready.refused": Text("The service refuses the login.", "服务拒绝了登录。"),
    "unready.login over": Text("The login is over; log in again.", "登录已失效，请重新登录。"),
    "unready.suspended": Text("The account is suspended.", "账号已停用。"),
}
