"""The client of the CodeWhisperer service: request bodies, answers, hosts, operations, errors."""
