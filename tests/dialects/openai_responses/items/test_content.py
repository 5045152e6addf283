"""Images and files in messages and in what tools put out."""

import pytest

from app.core.conversation import Document, Image, Text, ToolResult
from tests.media import DOC, DOCX, PDF, PNG, XLS, XLSX, base64, ole

TEXT = base64("grüß".encode())


def image(**members):
    return {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}", **members}


def file(**members):
    return {"type": "input_file", **members}


PARTS = [
    (image(), Image("png", PNG)),
    (image(detail="auto"), Image("png", PNG)),
    (
        file(filename="a.txt", file_data=f"data:text/plain;base64,{TEXT}"),
        Document("grüß", "a.txt"),
    ),
    (
        file(file_data=f"data:TEXT/Markdown;charset=utf-8;base64,{TEXT}"),
        Document("grüß", None),
    ),
    (
        file(filename="a.json", file_data=f"data:application/json;base64,{TEXT}"),
        Document("grüß", "a.json"),
    ),
    (file(filename="a.csv", file_data=TEXT), Document("grüß", "a.csv")),
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


@pytest.mark.parametrize(
    ("data", "form"),
    [(PDF, "pdf"), (DOC, "doc"), (DOCX, "docx"), (XLS, "xls"), (XLSX, "xlsx")],
)
def test_binary_documents(said, data, form):
    part = file(filename="a.bin", file_data=f"data:application/octet-stream;base64,{data}")
    output = {"type": "custom_tool_call_output", "call_id": "c", "output": [part]}
    assert said({"role": "user", "content": [part]}, output) == [
        ("user", (Document(None, "a.bin", form, data, "input[0].content[0]"),)),
        ("user", (ToolResult("c", (Document(None, "a.bin", form, data, "input[1].output[0]"),)),)),
    ]


def test_an_old_office_file_is_what_its_name_says_where_its_bytes_do_not(said):
    data = base64(ole("1Table"))
    for name, media_type, form in (
        ("a.xls", "", "xls"),
        ("a.DOC", "", "doc"),
        (None, "application/msword", "doc"),
        ("a.doc", "application/vnd.ms-excel", "xls"),
    ):
        part = file(filename=name, file_data=f"data:{media_type};base64,{data}")
        ((_, (document,)),) = said({"role": "user", "content": [part]})
        assert document.format == form


def test_an_image_among_the_files_is_an_image(said):
    part = file(filename="a.pdf", file_data=PNG)
    assert said({"role": "user", "content": [part]}) == [("user", (Image("png", PNG),))]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings_of_texts(said, encoding):
    part = file(filename="a.log", file_data=base64("grüß".encode(encoding)))
    assert said({"role": "user", "content": [part]}) == [("user", (Document("grüß", "a.log"),))]


NO_FILE = "files are read from file_data only: send data:<type>;base64,..."
TWICE = "this file is given twice; send its file_data alone"
NO_IMAGE = "images are read from image_url only: send data:image/...;base64,..."
EMPTY = "Input should be valid standard base64, not empty"
BAD_IMAGE = (
    "could not process image: its bytes are not those of a JPEG, PNG, GIF or WebP image; convert it"
    " to one of these"
)
BAD_FILE = (
    "{} cannot be read: the bytes are not those of a PDF, doc, docx, xls or xlsx document, an"
    " image, or a text in UTF-8 or UTF-16; convert the file to one of these"
)
REFUSED = [
    (
        image(image_url="ftp://x/a.png"),
        "image_url",
        "this URL cannot be read by this gateway; send data:image/...;base64,...",
    ),
    (
        image(image_url="data:image/bmp;base64,AAAA"),
        "image_url",
        BAD_IMAGE,
    ),
    (
        image(image_url="data:image/png;base64,A"),
        "image_url",
        EMPTY,
    ),
    ({"type": "input_image", "file_id": "file_1"}, "file_id", NO_IMAGE),
    ({"type": "input_image"}, "image_url", NO_IMAGE),
    (image(image_url="https://x.example/a.png", file_id="file_1"), "file_id", NO_IMAGE),
    (file(file_url="https://x.example/a.pdf", file_id="file_1"), "file_id", NO_FILE),
    (file(file_url="https://x.example/a.pdf", file_data="aGk="), "file_url", TWICE),
    (file(file_id="file_1"), "file_id", NO_FILE),
    (file(file_url="ftp://x/a.txt"), "file_url", NO_FILE),
    (file(), "file_data", EMPTY),
    (file(file_data=""), "file_data", EMPTY),
    (file(file_data="data:text/plain;base64,"), "file_data", EMPTY),
    (file(file_data="data:text/plain;base64,A!AA"), "file_data", EMPTY),
    (file(file_data="data:text/plain;base64,é"), "file_data", EMPTY),
    (
        file(file_data="data:text/plain;base64,/w=="),
        "file_data",
        BAD_FILE.format("text/plain files"),
    ),
    (file(filename="a.pdf", file_data="AAAA"), "file_data", BAD_FILE.format("files of this kind")),
]


@pytest.mark.parametrize(("part", "member", "problem"), REFUSED)
def test_parts_that_cannot_be_read_are_refused(refused, part, member, problem):
    content = [{"type": "input_text", "text": "a"}, part]
    error = refused(input=[{"role": "user", "content": content}])
    assert error.field == f"input[0].content[1].{member}"
    assert error.message == f"{error.field}: {problem}"


def test_the_place_of_a_part_in_an_output(refused):
    part = image(image_url="ftp://x/a.png")
    error = refused(input=[{"type": "function_call_output", "call_id": "c", "output": [part]}])
    assert error.field == "input[0].output[0].image_url"


STRINGIFIED = [
    f'[{{"type": "input_image", "image_url": "data:image/png;base64,{PNG}"}}]',
    f'[{{"type":"input_text","text":""}},{{"type":"input_image","image_url":"data:image/png;base64,{PNG}"}}]',
]


@pytest.mark.parametrize("output", STRINGIFIED)
def test_images_in_the_json_of_an_output_are_seen(parse, output):
    item = {"type": "custom_tool_call_output", "call_id": "c", "output": output}
    conversation = parse(input=[item]).conversation
    (result,) = conversation.messages[0].parts
    assert isinstance(result.content[-1], Image)
    assert conversation.notes == ("stringified_output_read",)


@pytest.mark.parametrize(
    "output",
    [
        "[]",
        '[{"type": "input_text", "text": "a"}]',
        '[{"type": "input_image", "image_url": "',
        '[{"type": "input_image", "image_url": "https://example.com/a.png"}]',
        '[{"type": "input_image"}, {"type": "other"}]',
        "x" * 2000 + '"input_image"',
    ],
)
def test_any_other_output_that_is_a_string_is_text(parse, output):
    item = {"type": "function_call_output", "call_id": "c", "output": output}
    conversation = parse(input=[item]).conversation
    assert conversation.messages[0].parts == (ToolResult("c", (Text(output),)),)
    assert conversation.notes == ()
