import pytest

from sealproof.datasets.tables import listed, read_table
from sealproof.evidence.errors import DataError


def read(tmp_path, content):
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    return read_table(path, ["image", "label"], "put it there")


def test_rows_are_read_with_any_line_end_and_a_byte_order_mark(tmp_path):
    rows = read(tmp_path, b'\xef\xbb\xbfimage,label,note\r\na.png, 0 ,"x, y"\r\n\r\nb.png,1,\r\n')
    assert rows == [
        {"image": "a.png", "label": "0", "note": "x, y"},
        {"image": "b.png", "label": "1", "note": ""},
    ]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "columns are missing: image, label"),
        (b"image,label\n", "no rows"),
        (b"image,label,image\na,0,b\n", "a column twice"),
        (b"image\na\n", "columns are missing: label"),
        (b"image,label\na,0,7\nb\n", "line 2: 3 cells, 2 columns\nline 3: 1 cells, 2 columns"),
        (b"image,label\n\xff\xfe,0\n", "utf-8"),
        (b'image,label\n"a,0\n', "unexpected end of data"),
    ],
)
def test_a_table_that_cannot_be_read_says_why(tmp_path, content, reason):
    with pytest.raises(DataError, match="cannot be read") as caught:
        read(tmp_path, content)
    assert reason in caught.value.why


def test_a_missing_table_says_what_to_do(tmp_path):
    with pytest.raises(DataError, match="missing") as caught:
        read_table(tmp_path / "t.csv", ["image"], "put it there")
    assert caught.value.mend == "put it there"


def test_long_lists_are_capped_and_counted():
    assert listed([str(number) for number in range(25)]).splitlines()[-1] == "and 5 more"
    assert listed([str(number) for number in range(20)]).count("\n") == 19
