"""Every text of the page, in English and Chinese: one table.

What the gateway says in English elsewhere too (messages, repairs, the advice of a command) has its
Chinese in :mod:`.chinese`. A message that is in no row there is shown as it is.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from app.core import repairs

from .chinese import repairs as chinese_repairs
from .chinese.sentences import chinese
from .reasons import REASONS
from .text import Text

LANGUAGES = ("en", "zh")

WORDS: Mapping[str, Text] = {
    "language": Text("中文", "English"),  # of the link to the other one
    "skip": Text("Skip to the content", "跳到正文"),
    "sections": Text("Sections", "栏目"),
    "overview": Text("Overview", "概览"),
    "requests": Text("Requests", "请求"),
    "usage": Text("Usage", "用量"),
    "models": Text("Models", "模型"),
    "setup": Text("Set up a client", "配置客户端"),
    "playground": Text("Playground", "试用"),
    "full_stop": Text(".", "。"),
    # logging in and out
    "log_in": Text("Log in", "登录"),
    "log_out": Text("Log out", "退出"),
    "key": Text("Key", "密钥"),
    "key_hint": Text(
        "Your key of this gateway: the value of KIRO_CLIENT_TOKEN, or the key you were given.",
        "本网关的密钥：KIRO_CLIENT_TOKEN 的值，或分配给您的密钥。",
    ),
    "owner": Text("the owner", "所有者"),
    "session_over": Text("Your session is over. Log in again.", "会话已结束，请重新登录。"),
    "too_many": Text(
        "Too many wrong keys. Try again in {seconds} s.", "错误次数过多，请在 {seconds} 秒后重试。"
    ),
    "other_site": Text(
        "This form was not sent by this page. Open it again.",
        "表单不是由本页面提交的，请重新打开。",
    ),
    "no_state": Text(
        "Nobody can log in: the directory KIRO_TOKEN_CACHE cannot be used ({why}).",
        "无法登录：目录 KIRO_TOKEN_CACHE 不可用（{why}）。",
    ),
    # live updates
    "live": Text("Live", "实时"),
    "not_live": Text("Not connected; what you see may be old.", "连接已断开，内容可能已过时。"),
    # overview
    "ready": Text("Ready", "就绪"),
    "ready_more": Text("Requests can be answered.", "可以应答请求。"),
    "not_ready": Text("Not ready", "未就绪"),
    "to_repair": Text("To repair", "待修复"),
    "in_progress": Text("In progress", "进行中"),
    "at_least": Text("at least {count}", "至少 {count}"),
    "requests_day": Text("Calls of a model, 24 h", "模型调用（24 小时）"),
    "failed_day": Text("Of them failed", "其中失败"),
    "credits_day": Text("Credits, 24 h", "积分（24 小时）"),
    "accounts": Text("Accounts", "账号"),
    "dead_logins": Text("Logins that need you", "需要处理的登录"),
    "source": Text("Login from", "登录来源"),
    "expires": Text("Token until", "令牌有效期至"),
    "quota": Text("Quota", "配额"),
    "used_of": Text("{used} of {limit} credits used", "已用 {used} / {limit} 积分"),
    "resets": Text("resets {when}", "{when} 重置"),
    "plan": Text("Plan", "套餐"),
    "quota_unknown": Text("not known yet", "尚不清楚"),
    "what_to_do": Text("What to do", "处理办法"),
    "until": Text("until {when}", "至 {when}"),
    "last_failures": Text("The last failures", "最近的失败"),
    "no_failures": Text("None of the last hundred requests failed.", "最近一百个请求均未失败。"),
    "nothing_kept": Text(
        "Nothing is kept here of past requests: KIRO_USAGE_DAYS is 0.",
        "未保存历史请求：KIRO_USAGE_DAYS 为 0。",
    ),
    "cannot_read": Text(
        "What was kept cannot be read now ({why}).", "暂时无法读取已保存的数据（{why}）。"
    ),
    # requests
    "waiting": Text("waiting", "等待中"),
    "streaming": Text("streaming", "传输中"),
    "so_far": Text("So far", "已用时"),
    "oldest_listed": Text("The oldest are listed.", "仅列出最早的请求。"),
    "last_hundred": Text("The last hundred requests", "最近一百个请求"),
    "no_requests": Text("No request yet.", "还没有请求。"),
    "all": Text("All", "全部"),
    "only_failed": Text("Failed", "失败"),
    "time": Text("Time", "时间"),
    "result": Text("Result", "结果"),
    "model": Text("Model", "模型"),
    "account": Text("Account", "账号"),
    "client": Text("Client", "客户端"),
    "tokens": Text("Tokens", "词元"),
    "tokens_in_out": Text("in / out", "输入 / 输出"),
    "credits": Text("Credits", "积分"),
    "first_event": Text("First event", "首个事件"),
    "total": Text("Total", "总时长"),
    "why": Text("Why", "原因"),
    "told": Text("The client was told", "客户端收到的说明"),
    "repairs": Text("Repaired", "已修正"),
    "ignored": Text("Ignored", "已忽略"),
    "attempts": Text("Attempts", "尝试次数"),
    "request_id": Text("Request", "请求编号"),
    "details": Text("Details", "详情"),
    "answered": Text("answered", "已应答"),
    "failed": Text("failed", "失败"),
    "left": Text("client left", "客户端已离开"),
    # usage
    "since": Text("Period", "时段"),
    "24h": Text("24 hours", "24 小时"),
    "7d": Text("7 days", "7 天"),
    "30d": Text("30 days", "30 天"),
    "by_key": Text("Credits by key", "各密钥的积分"),
    "by_model": Text("Credits by model", "各模型的积分"),
    "by_day": Text("Credits by day (UTC)", "每日积分（UTC）"),
    "day": Text("Day", "日期"),
    "count": Text("Requests", "请求数"),
    "cached": Text("From cache", "缓存读取"),
    "input": Text("Input", "输入"),
    "output": Text("Output", "输出"),
    "share": Text("Share", "占比"),
    "sum": Text("Together", "合计"),
    "unpriced": Text(
        "The service named no price for {count} of the requests.", "其中 {count} 个请求未报价。"
    ),
    "missing": Text(
        "{count} answers are missing: they could not be kept.", "有 {count} 个应答未能保存。"
    ),
    "scope_host": Text("Answers of this host.", "本主机的应答。"),
    "scope_all hosts": Text("Answers of all hosts.", "所有主机的应答。"),
    "nothing_used": Text("Nothing was used in this time.", "该时段没有用量。"),
    "last_hour": Text("The last hour", "最近一小时"),
    "median_first": Text("Seconds to the first event (median)", "首个事件耗时（秒，中位数）"),
    "throughput": Text("Output tokens per second (median)", "每秒输出词元（中位数）"),
    "no_answers_hour": Text("No whole answer in the last hour.", "最近一小时没有完整应答。"),
    "median": Text("median {value}", "中位数 {value}"),
    # models
    "window": Text("Window", "上下文窗口"),
    "max_output": Text("Most output", "最大输出"),
    "efforts": Text("Efforts", "推理强度"),
    "rate": Text("Credit rate", "积分倍率"),
    "reads": Text("Reads", "可读取"),
    "state": Text("State", "状态"),
    "active": Text("active", "可用"),
    "deprecated": Text("deprecated", "已弃用"),
    "retired": Text("retired", "已下线"),
    "no_models": Text("Your key may use no model.", "您的密钥不能使用任何模型。"),
    # setup
    "setup_lead": Text(
        "Choose your client and paste these lines. They have this gateway's address as you reached "
        "it.",
        "选择您的客户端并粘贴以下内容，其中的地址即您访问本网关所用的地址。",
    ),
    "your_key": Text(
        "Put the key you logged in with in the place of YOUR_KEY.",
        "请将 YOUR_KEY 换成您的登录密钥。",
    ),
    "copy": Text("Copy", "复制"),
    "copied": Text("Copied", "已复制"),
    "cannot_copy": Text("Select and copy it yourself", "请自行选择并复制"),
    # playground
    "playground_lead": Text(
        "Requests from here count like any other request of your key.",
        "此处的请求与您密钥的其他请求一样计入用量。",
    ),
    "dialect": Text("API", "接口"),
    "effort": Text("Effort", "推理强度"),
    "default": Text("default", "默认"),
    "prompt": Text("Your message", "您的消息"),
    "prompt_start": Text("Say hello in one sentence.", "用一句话打个招呼。"),
    "image": Text("Image (optional)", "图片（可选）"),
    "tools": Text("Tools as JSON (optional)", "工具，JSON（可选）"),
    "tools_hint": Text(
        "An array of objects with name, description and input_schema; the page writes them in the "
        "form of the API.",
        "对象数组，含 name、description 和 input_schema；页面会转换成所选接口的格式。",
    ),
    "send": Text("Send", "发送"),
    "stop": Text("Stop", "停止"),
    "explain": Text("Explain", "解释"),
    "answer": Text("Answer", "应答"),
    "raw": Text("Raw events", "原始事件"),
    "explained": Text("What the gateway does with it", "网关如何处理"),
    "bad_tools": Text("The tools are no JSON array.", "工具不是 JSON 数组。"),
    "needs_script": Text("The playground needs JavaScript.", "试用功能需要 JavaScript。"),
    "done": Text("Done", "完成"),
    "running": Text("Running", "运行中"),
}

TEXTS: Mapping[str, Text] = {**WORDS, **REASONS}


class Language(NamedTuple):
    """The texts in one language."""

    code: str

    def __call__(self, name: str, **values: object) -> str:
        """The text of that name, with the values in it. Raises KeyError."""
        text = TEXTS[name][LANGUAGES.index(self.code)]
        return text.format(**values) if values else text

    def reason(self, group: str, name: str) -> str:
        """The text about a kind of failure or a condition, or the name itself."""
        found = f"{group}.{name}"
        return self(found) if found in TEXTS else name

    def own(self, message: str) -> str:
        """An English message in this language, "" if it has none in it."""
        return message if self.code == "en" else chinese(message)

    def repair(self, name: str) -> str:
        """What a name among the repairs says."""
        return repairs.meaning(name) if self.code == "en" else chinese_repairs.meaning(name)

    @property
    def other(self) -> str:
        """The code of the other language."""
        return LANGUAGES[1 - LANGUAGES.index(self.code)]


def chosen(wish: str | None, accepted: Sequence[str]) -> Language:
    """The language that was chosen, or the first of those accepted that there is."""
    if wish in LANGUAGES:
        return Language(str(wish))
    for tag in accepted:
        if (code := tag.lower().partition("-")[0]) in LANGUAGES:
            return Language(code)
    return Language("en")
