"""Images and files that a request has by URL: fetched, where the owner allows it, or refused.

- :mod:`.addresses`: which addresses may be asked;
- :mod:`.download`: one file, by HTTP, within limits;
- :mod:`.fetcher`: all files of a conversation.

A proxy is never used: it would look up the names itself, and the check of their addresses would
mean nothing.
"""
