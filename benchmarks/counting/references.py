"""Counts the samples with the reference tokenizers: ``python -m benchmarks.counting.references``.

Needs Python 3.12 and, beside what the gateway needs, ``pip install ctok==1.3.0 bpe-openai==0.1.4``:

- ``claude`` and ``claude-4.7``: ctok, which rebuilds the counts of Anthropic's ``count_tokens`` for
  a text. Its author compared it with some two million recorded answers of that endpoint.
- ``gpt``: o200k_base, the last vocabulary that OpenAI published.
"""

from importlib import import_module

from . import samples, write


def main() -> None:
    """Write the counts into the file of samples."""
    ctok = import_module("ctok")
    o200k = import_module("bpe_openai").get_encoding("o200k_base")
    found = samples()
    frames = {version: ctok.token_count("a", version) - 1 for version in ("4.6", "4.8")}
    for sample in found:
        sample.tokens = {
            "claude": ctok.token_count(sample.text, "4.6") - frames["4.6"],
            "claude-4.7": ctok.token_count(sample.text, "4.8") - frames["4.8"],
            "gpt": len(o200k.encode(sample.text)),
        }
    write(found)


if __name__ == "__main__":
    main()
