"""What the service's refusals mean: the explanations of the upstream's table of errors."""

from collections.abc import Mapping

_OURS_EN = "The gateway should have prevented that; please report this error."
_OURS = "网关本应避免这种情况，请报告此错误。"

FAILURES: Mapping[str, str] = {
    "The upstream has suspended this account. The gateway cannot lift that. Write to the service's"
    " support, or use another account.":
        "上游已停用该账号，网关无法解除。请联系服务的支持人员，或使用其他账号。",
    "The account's quota is used up. Wait until it resets, enable overage, or use another account.":
        "账号配额已用完。请等待重置、开启超额使用，或使用其他账号。",
    "The conversation is longer than the model's context window. Shorten it, or compact the"
    " history.":
        "会话超出模型的上下文窗口。请缩短会话或压缩历史。",
    "The upstream has no capacity for this model right now, which takes minutes and is the same for"
    " all accounts. Try again later, or use another model.":
        "上游目前没有该模型的容量，会持续数分钟，对所有账号都一样。请稍后重试，或使用其他模型。",
    "The upstream is temporarily unavailable. Try again soon.": "上游暂时不可用，请稍后重试。",
    "The upstream does not serve this model to this account. Choose another model.":
        "上游不向该账号提供此模型，请选择其他模型。",
    "The upstream refused the access token. If it keeps doing so, log in again, and check that the"
    " region and the profile belong to the account.":
        "上游拒绝了访问令牌。若一直如此，请重新登录，并检查区域和配置是否属于该账号。",
    "The account is not allowed to do this. Check its plan and its permissions.":
        "账号无权执行此操作，请检查其套餐和权限。",
    "The account's encryption key cannot be used. Its administrator has to repair the KMS key.":
        "账号的加密密钥不可用，须由其管理员修复 KMS 密钥。",
    "The upstream limits this account's request rate. Wait before trying again.":
        "上游限制了该账号的请求频率，请等待后重试。",
    "The upstream no longer continues this conversation. Start a new one.":
        "上游不再继续此会话，请开始新会话。",
    "The upstream host does not know this operation. Check KIRO_API_URL and KIRO_REGION.":
        "上游主机不认识此操作，请检查 KIRO_API_URL 和 KIRO_REGION。",
    "The upstream rejected the translated request. Change what its message names; if it names"
    " nothing, please report this error.":
        "上游拒绝了转换后的请求。请修改其说明所指之处；若未指明，请报告此错误。",
    "The upstream failed. Try again; if this happens again, check the service's status.":
        "上游出错。请重试；若再次发生，请查看服务状态。",
    "The upstream limits this account because of suspicious activity. Leave it unused for a while,"
    " or use another account.":
        "上游因可疑活动限制了该账号。请暂停使用一段时间，或使用其他账号。",
    "The account has used up what it may ask in an hour, a day or a week. Wait until that is over,"
    " or use another account.":
        "账号已用完每小时、每日或每周的请求数。请等待，或使用其他账号。",
    "The account's limit for overage is reached. Raise it in the account's settings at the service,"
    " wait until the quota resets, or use another account.":
        "账号已达超额使用上限。请在服务的账号设置中调高、等待配额重置，或使用其他账号。",
    "The upstream requires the account's profile. Log in again, or set profileArn in"
    " KIRO_AUTH_TOKEN.":
        "上游需要账号的配置。请重新登录，或在 KIRO_AUTH_TOKEN 中设置 profileArn。",
    "The upstream does not know the account's profile. Log in again, or correct profileArn in"
    " KIRO_AUTH_TOKEN.":
        "上游不认识账号的配置。请重新登录，或更正 KIRO_AUTH_TOKEN 中的 profileArn。",
    "The account's subscription does not admit this gateway: its organisation names the"
    " applications that may use it. Ask its administrator, or use another account.":
        "账号的订阅不允许本网关：其组织指定了可用的应用。请询问管理员，或使用其他账号。",
    "The upstream does not find a resource of the request. Check the region and the profile.":
        "上游找不到请求中的资源，请检查区域和配置。",
    "The account uses up its credits faster than the upstream allows. Wait as long as the answer"
    " says, use another account, or a model that costs less.":
        "账号消耗积分的速度超过上游所允许的。请按应答所示等待，或使用其他账号或更便宜的模型。",
    "The upstream refused the request without naming the account. Check whether a firewall, a proxy"
    " or the region is the cause.":
        "上游拒绝了请求，未提及账号。请检查是否由防火墙、代理或区域引起。",
    "The request has more bytes than the upstream accepts. Send less, or smaller images.":
        "请求的字节数超过上游所接受的。请减少内容或缩小图片。",
    "The upstream found the translated request malformed, and does not say why. Check that"
    " KIRO_REGION is the region of the account's profile; else please report this error.":
        "上游认为转换后的请求格式有误，未说明原因。"
        "请检查 KIRO_REGION 是否为账号配置所在区域；否则请报告此错误。",
    "The upstream could not read the translated request. Change what its message names; if it names"
    " nothing, this is a defect of the gateway: please report it.":
        "上游无法读取转换后的请求。请修改其说明所指之处；若未指明，则是网关的缺陷，请报告。",
    "The upstream does not accept the reasoning of an earlier turn: another service or model signed"
    " it. Leave that reasoning out, or start a new conversation.":
        "上游不接受先前轮次的推理：它由其他服务或模型签名。请去除该推理，或开始新会话。",
    "The request has more images than the model takes. Send fewer.":
        "请求中的图片多于模型所接受的，请减少。",
    "An image is wider or higher than the model takes (8000 pixels). Send a smaller one.":
        "图片的宽或高超过模型所接受的（8000 像素），请缩小。",
    "An image has more bytes than the model takes. Compress it.":
        "图片的字节数超过模型所接受的，请压缩。",
    "The model does not read the format of an image. Send PNG, JPEG, GIF or WebP.":
        "模型不读取该图片格式，请发送 PNG、JPEG、GIF 或 WebP。",
    "An image is not of the format that it is sent as. Name the format that its bytes have.":
        "图片与所声明的格式不符，请声明其实际格式。",
    "This model reads no documents. Use a Claude model, or send the document's text.":
        "该模型不读取文档。请使用 Claude 模型，或发送文档的文本。",
    "A document is protected by a password. Send it without protection.":
        "文档有密码保护，请去除保护后发送。",
    "A document has more pages than the model reads. Send the pages that matter.":
        "文档页数多于模型所读取的，请只发送需要的页。",
    "A document has more bytes than the service takes. Split or compress it.":
        "文档的字节数超过服务所接受的，请拆分或压缩。",
    "The conversation has more documents than the service takes. Leave out earlier ones.":
        "会话中的文档多于服务所接受的，请去除较早的。",
    f"Two documents have the same name. {_OURS_EN}": f"两个文档同名。{_OURS}",
    f"The service does not take the name of a document. {_OURS_EN}":
        f"服务不接受文档的名称。{_OURS}",
    "The service does not read files of this type. Send PDF, Word, Excel or text.":
        "服务不读取此类文件，请发送 PDF、Word、Excel 或文本。",
    "The service does not take the input schema of a tool, not even in a simple form. Simplify the"
    " schema that its message names.":
        "服务不接受某个工具的输入 schema，简化后也不接受。请简化其说明所指的 schema。",
    f"Two tools have the same name. {_OURS_EN}": f"两个工具同名。{_OURS}",
    f"The history has tool calls, but no tool is offered. {_OURS_EN}":
        f"历史中有工具调用，但未提供工具。{_OURS}",
    f"A tool call and its result are not in consecutive turns. {_OURS_EN}":
        f"工具调用及其结果不在相邻轮次。{_OURS}",
    "The model does not take the thinking, effort or max_tokens of this request. Leave out what the"
    " message names.":
        "模型不接受此请求的 thinking、effort 或 max_tokens。请去除其说明所指的内容。",
    "The service does not support the language of this request. Ask in another one.":
        "服务不支持此请求的语言，请换用其他语言。",
}  # fmt: skip
