"""What is said of accounts and their logins, and of keys at the page's door. Values are in braces;
they are translated too if they have a row of their own.
"""

from collections.abc import Mapping

ADVICE: Mapping[str, str] = {
    "`{command} accounts --check` tries it, without cost":
        "`{command} accounts --check` 会免费试用它",
    "wait until the quota resets, buy more, or add an account":
        "等待配额重置、购买更多，或增加账号",
    "`{command} doctor` looks for the reason in the network, the proxy and the clock":
        "`{command} doctor` 会检查网络、代理和时钟以查找原因",
    "check that the account has a plan and that its profile and region are right (KIRO_REGION);"
    " then log in again: `{command} login`":
        "检查账号是否有套餐、其配置和区域是否正确（KIRO_REGION），然后重新登录：`{command} login`",
    "log in again: `{command} login`, or where the login comes from":
        "重新登录：`{command} login`，或在登录的来源处重新登录",
    "ask AWS; once it is lifted, `{command} accounts --clear {account}`":
        "询问 AWS；解除后运行 `{command} accounts --clear {account}`",
}  # fmt: skip

REASONS: Mapping[str, str] = {
    "no request has used this key yet": "还没有请求使用过此密钥",
    "no request has used this token yet": "还没有请求使用过此令牌",
    "it has no token yet; the first request gets one": "还没有令牌；第一个请求会获取",
    "its token has expired; the next request renews it": "令牌已过期；下一个请求会更新",
    "its quota was used up; the next request tries it again": "配额曾用完；下一个请求会再试",
    "its token has expired, and there is no refresh token to renew it with":
        "令牌已过期，且没有可用于更新的刷新令牌",
    "The login of account {account} ({source}) is over: {why}. To continue, {how}. To try the same"
    " login once more, run `{clear}` or restart.":
        "账号 {account}（{source}）的登录已失效：{why}。请重新登录；"
        "要再试同一登录，请运行 `{clear}` 或重启。",
    "its refresh token was already used, was revoked or has expired":
        "刷新令牌已被使用、被撤销或已过期",
    "its client registration has expired or does not match": "客户端的注册已过期或不符",
    "The sign-in service ({host}) {why}.": "登录服务（{host}）{why}。",
    "cannot be reached ({error})": "无法连接（{error}）",
    "cannot be reached through KIRO_UPSTREAM_PROXY": "无法经 KIRO_UPSTREAM_PROXY 连接",
    "did not respond in time": "响应超时",
    "has a certificate that was not accepted; {how}": "的证书未被接受（{how}）",
    "sent a body that is {what}": "的应答有误（{what}）",
    "The sign-in service sent a response without a token.": "登录服务的应答中没有令牌。",
    "The sign-in service {what} (account {account}, {source}).":
        "登录服务：{what}（账号 {account}，{source}）。",
    "throttles this client": "限制了本客户端的请求频率",
    "responded with status {status}": "返回状态 {status}",
    "refused the refresh with status {status}": "拒绝更新，状态 {status}",
}  # fmt: skip

PROBLEMS: Mapping[str, str] = {
    "{name}: a login must be a JSON object": "{name}：登录必须是 JSON 对象",
    "{name}: a registration must be a JSON object": "{name}：注册信息必须是 JSON 对象",
    "{name}: authMethod must be social, IdC, external_idp or api_key":
        "{name}：authMethod 必须是 social、IdC、external_idp 或 api_key",
    "{name}: clientIdHash is not a plain file name": "{name}：clientIdHash 不是单纯的文件名",
    "{name}: {path}, named by clientIdHash: {why}": "{name}：clientIdHash 所指的 {path}：{why}",
    "{name}: {member} contains a space, a line break or a character outside ASCII; it was damaged"
    " when it was copied":
        "{name}：{member} 含有空格、换行或非 ASCII 字符，在复制时损坏",
    "{name}: the region in {member} must be {region}": "{name}：{member} 中的区域必须是 {region}",
    "{name}: disabled must be true or false": "{name}：disabled 必须为 true 或 false",
    "{name}: same login as {other}": "{name}：与 {other} 是同一登录",
    "{name}: {member} is not a time": "{name}：{member} 不是时间",
    "{name}: {member} is missing": "{name}：缺少 {member}",
    "{name}: {member} must be a string": "{name}：{member} 必须是字符串",
    "{name}: {member} must be {what}": "{name}：{member} 必须是 {what}",
    "{name} is empty": "{name} 为空",
    "{name} is not complete JSON": "{name} 不是完整的 JSON",
    "{name} holds no enabled login": "{name} 中没有启用的登录",
    "{name} is not a JSON object": "{name} 不是 JSON 对象",
    "{name} is neither JSON nor the path of a file that can be read: {why}":
        "{name} 既不是 JSON，也不是可读取文件的路径：{why}",
    "{name} cannot be read: {why}": "无法读取 {name}：{why}",
    "{name} does not hold {what}": "{name} 中没有 {what}",
    "{name} must be set too for an IdC login": "IdC 登录还必须设置 {name}",
    "{name} is damaged": "{name} 已损坏",
    "{name}: there is no {path}": "{name}：{path} 不存在",
    "account {account}: {why}; its refreshed tokens are stored in {where} and are lost {when}":
        "账号 {account}：{why}；更新后的令牌保存在{where}，{when}丢失",
    "the memory of one process": "一个进程的内存中",
    "when it ends": "在其结束时",
    "memory ({path})": "内存中（{path}）",
    "at the next restart of the host": "在主机下次重启时",
    "no place on disk could be written": "磁盘上没有可写的位置",
    "{path} cannot be written ({why})": "无法写入 {path}（{why}）",
    "KIRO_TOKEN_CACHE ({path}) is not written: {why}": "未写入 KIRO_TOKEN_CACHE（{path}）：{why}",
    "everyone can write to it; run chmod o-w": "任何人都可写入，请运行 chmod o-w",
    "it belongs to another user": "它属于其他用户",
    "KIRO_TOKEN_STORE cannot be used ({why}); tokens are shared on this host only":
        "KIRO_TOKEN_STORE 不可用（{why}）；令牌只在本主机上共享",
}  # fmt: skip

USAGE: Mapping[str, str] = {
    "What was used cannot be read now ({error}); try again.":
        "暂时无法读取用量（{error}），请重试。",
}  # fmt: skip

DOOR: Mapping[str, str] = {
    "No valid client key: send the value of KIRO_CLIENT_TOKEN, or the key that you were given, as"
    " {ways}.":
        "密钥无效：请使用 KIRO_CLIENT_TOKEN 的值，或分配给您的密钥。",
    "The client key {name} was replaced by another: log in with that one.":
        "密钥 {name} 已被替换，请用新密钥登录。",
    "The client key {name} expired on {day}; ask the owner of this gateway for another.":
        "密钥 {name} 已于 {day} 过期，请向网关所有者索取新密钥。",
    "The client key {name} was replaced, and ended on {day}; ask the owner of this gateway for"
    " another.":
        "密钥 {name} 已被替换，于 {day} 失效，请向网关所有者索取新密钥。",
    "The {name} of this request is not loopback, and the default client key is for this machine"
    " only. Set KIRO_CLIENT_TOKEN to a key of your own.":
        "此请求的 {name} 不是本机，默认密钥仅限本机使用。请将 KIRO_CLIENT_TOKEN 设为您自己的密钥。",
}  # fmt: skip
