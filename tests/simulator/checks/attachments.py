"""Bodies that keep the rules of images and documents, each with one that violates the rule."""

from typing import Any

from tests.simulator.checks.bodies import PDF, documented, image, paper, papers, pictured, source
from tests.simulator.client import assistant, chat_body, user

Case = tuple[dict[str, Any], dict[str, Any]]

ATTACHMENT_CASES: dict[str, list[Case]] = {
    "image-format": [(pictured(image()), pictured(image(format="jpg")))],
    "image-bytes": [
        (pictured(image(2_800_000)), pictured(image(2_800_001))),
        (pictured(image()), pictured(image(0))),
        (pictured(image()), pictured({"format": "png", "source": {"bytes": "no base64!"}})),
    ],
    "image-magic": [
        (pictured(image()), pictured(image(format="jpeg"))),
        (
            pictured({"format": "gif", "source": source(b"GIF89a\1\0\1\0")}),
            pictured({"format": "webp", "source": source(b"GIF89a....")}),
        ),
        (
            pictured({"format": "webp", "source": source(b"RIFF....WEBPVP8 ")}),
            pictured({"format": "png", "source": source(b"nothing known")}),
        ),
        (
            pictured({"format": "jpeg", "source": source(b"\xff\xd8\xff\xe0")}),
            chat_body(history=[user(images=[image(format="gif")]), assistant()]),
        ),
    ],
    "image-dimensions": [
        (pictured(image(side=8000)), pictured(image(side=8001))),
        (
            pictured({"format": "gif", "source": source(b"GIF89a\x01\x00\x01\x00")}),
            pictured({"format": "gif", "source": source(b"GIF89a\x01\x00\xff\xff")}),
        ),
    ],
    "document-format": [
        (documented(paper()), documented(paper(format="epub"))),
        (documented(paper()), documented(paper(format="PDF"))),
        (documented(paper()), documented(paper(data=b"PK\x03\x04"))),
        (
            documented(paper(format="docx", data=b"PK\x03\x04")),
            documented(paper(format="doc", data=b"PK\x03\x04")),
        ),
        (
            documented(paper(format="csv", data=b"a,b")),
            documented(paper(format="txt", data=b"a\0b")),
        ),
        (
            documented(paper(format="md", data="# Café".encode())),
            documented(paper(format="md", data="# Café".encode("latin-1"))),
        ),
    ],
    "document-name": [
        (documented(paper("A (2) [b]_c-d")), documented(paper("report.pdf"))),
        (documented(paper("a b")), documented(paper("a  b"))),
        (documented(paper("n" * 200)), documented(paper("n" * 201))),
        (documented(paper("n")), documented(paper(""))),
        (documented(paper("n")), documented(paper("naïve"))),
    ],
    "document-names-unique": [
        (documented(*papers(2)), documented(paper(), paper())),
        (
            documented(paper(), history=[user(documents=papers(1)), assistant()]),
            documented(paper(), history=[user(documents=[paper()]), assistant()]),
        ),
    ],
    "document-count": [
        (documented(*papers(5)), documented(*papers(6))),
        (
            documented(*papers(4), history=[user(documents=[paper()]), assistant()]),
            documented(*papers(5), history=[user(documents=[paper()]), assistant()]),
        ),
    ],
    "document-bytes": [
        (documented(paper()), documented(paper(data=b""))),
        (documented(paper()), documented(paper(data=PDF.ljust(20 * 1024 * 1024 + 1)))),
    ],
    "document-pages": [
        (
            documented(paper(data=PDF + b"/Type /Page\n" * 100 + b"/Type /Pages")),
            documented(paper(data=PDF + b"/Type /Page\n" * 101)),
        ),
        (
            documented(paper(data=PDF + b"/Type/Page\n" * 600), model="claude-opus-5.5"),
            documented(paper(data=PDF + b"/Type/Page\n" * 601), model="claude-opus-5.5"),
        ),
    ],
    "document-password": [(documented(paper()), documented(paper(data=PDF + b"/Encrypt 5 0 R")))],
    "document-model": [(documented(paper()), documented(paper(), model="glm-5"))],
    "image-count": [(pictured(*[image()] * 10), pictured(*[image()] * 11))],
}
