"""kiro2api: Anthropic and OpenAI clients in front, AWS CodeWhisperer behind.

Nothing is imported here, so that a part can be used without the whole: gunicorn's configuration
reads the settings before the worker is patched, and the simulator runs beside the gateway.
"""
