"""Chinese for what the gateway says in English elsewhere too: repairs by their names, advice by the
condition of the account, and sentences of messages. What a sentence names stays as it is.
"""
