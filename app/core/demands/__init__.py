"""What a request demands of its answer, for what the upstream cannot be told.

The service knows no forced tool, no strict tool and no JSON Schema of an answer, and its models
call tools that they only remember. So the model is asked for them, and its answer is watched:

- :mod:`.plan`: what a conversation demands, and the conversation as the model is asked;
- :mod:`.watch`: a state machine over the events of one answer, between the decoder and the
  encoders, which lets through what fulfils the demands and says what is missing at the end;
- :mod:`.follow_up`: how the model is asked for what is missing, once;
- :mod:`.json_schema`: checks of inputs and answers with the client's own schemas.

What opens the calls is :mod:`app.demands`. Everything is in terms of conversations and events, so
it holds for every dialect, streamed and whole.
"""
