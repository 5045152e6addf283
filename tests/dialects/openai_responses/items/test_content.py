"""Images and files in messages and in what tools put out."""

import base64

import pytest

from app.core.conversation import Document, Image, Text, ToolResult

PNG = base64.b64encode(b"\x89PNG picture").decode()
PDF = base64.b64encode(b"%PDF-1.4").decode()
TEXT = base64.b64encode("grüß".encode()).decode()


def image(**members):
    return {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}", **members}


def file(**members):
    return {"type": "input_file", **members}


PARTS = [
    (image(), Image("png", PNG)),
    (image(detail="auto"), Image("png", PNG)),
    (
        file(filename="a.txt", file_data=f"data:text/plain;base64,{TEXT}"),
        Document("grüß", "a.txt", "text/plain"),
    ),
    (
        file(file_data=f"data:TEXT/Markdown;charset=utf-8;base64,{TEXT}"),
        Document("grüß", None, "text/markdown"),
    ),
    (
        file(filename="a.json", file_data=f"data:application/json;base64,{TEXT}"),
        Document("grüß", "a.json", "application/json"),
    ),
    (file(filename="a.csv", file_data=TEXT), Document("grüß", "a.csv", "text/csv")),
]


@pytest.mark.parametrize(("part", "expected"), PARTS)
def test_parts_of_a_message_and_of_an_output(said, part, expected):
    output = {"type": "function_call_output", "call_id": "c", "output": [part]}
    assert said({"role": "user", "content": [part]}, output) == [
        ("user", (expected,)),
        ("user", (ToolResult("c", (expected,)),)),
    ]


def test_a_picture_between_its_marks(said):
    marks = [{"type": "input_text", "text": mark} for mark in ("<image>", "</image>")]
    assert said({"role": "user", "content": [marks[0], image(), marks[1]]}) == [
        ("user", (Text("<image>"), Image("png", PNG), Text("</image>")))
    ]


def test_a_detail_that_is_asked_for_is_named(parse):
    def ignored(detail):
        content = [image(detail=detail)]
        return parse(input=[{"role": "user", "content": content}]).conversation.ignored

    assert ignored("high") == ("detail",)
    assert ignored("auto") == ignored(None) == ()


def test_a_binary_file_that_a_tool_put_out_is_told_by_its_size(said):
    """The client did not choose to send it, and could not go on."""
    part = file(filename="a.pdf", file_data=f"data:application/pdf;base64,{PDF}")
    assert said({"type": "custom_tool_call_output", "call_id": "c", "output": [part]}) == [
        ("user", (ToolResult("c", (Document(None, "a.pdf", "application/pdf", 8),)),))
    ]


NO_FILE = "files are read from file_data only: send data:text/...;base64,..."
NO_IMAGE = "images are read from image_url only: send data:image/...;base64,..."
EMPTY = "Input should be a data URL or base64, not empty"
REFUSED = [
    (
        image(image_url="https://x/a.png"),
        "image_url",
        "images by https URL cannot be read by this gateway; send data:image/...;base64,...",
    ),
    (
        image(image_url="data:image/bmp;base64,AAAA"),
        "image_url",
        "the image should be image/jpeg, image/png, image/gif or image/webp",
    ),
    (
        image(image_url="data:image/png;base64,A"),
        "image_url",
        "the data URL should hold valid standard base64, not empty",
    ),
    ({"type": "input_image", "file_id": "file_1"}, "file_id", NO_IMAGE),
    ({"type": "input_image"}, "image_url", NO_IMAGE),
    (file(file_id="file_1"), "file_id", NO_FILE),
    (file(file_url="https://x/a.txt"), "file_url", NO_FILE),
    (file(), "file_data", EMPTY),
    (file(file_data=""), "file_data", EMPTY),
    (file(file_data="data:text/plain;base64,"), "file_data", EMPTY),
    (file(file_data="data:text/plain;base64,AAA"), "file_data", EMPTY),
    (file(file_data="data:text/plain;base64,é"), "file_data", EMPTY),
    (
        file(file_data="data:text/plain;base64,/w=="),
        "file_data",
        "the text of the file should be UTF-8",
    ),
    (
        file(filename="a.pdf", file_data=PDF),
        "file_data",
        "application/pdf files cannot be read by this gateway's models; send the file's text",
    ),
    (
        file(file_data=PDF),
        "file_data",
        (
            "application/octet-stream files cannot be read by this gateway's models; "
            "send the file's text"
        ),
    ),
]


@pytest.mark.parametrize(("part", "member", "problem"), REFUSED)
def test_parts_that_cannot_be_read_are_refused(refused, part, member, problem):
    content = [{"type": "input_text", "text": "a"}, part]
    error = refused(input=[{"role": "user", "content": content}])
    assert error.field == f"input[0].content[1].{member}"
    assert error.message == f"{error.field}: {problem}"


def test_the_place_of_a_part_in_an_output(refused):
    part = image(image_url="https://x/a.png")
    error = refused(input=[{"type": "function_call_output", "call_id": "c", "output": [part]}])
    assert error.field == "input[0].output[0].image_url"
