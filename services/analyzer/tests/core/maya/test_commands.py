import pytest

from lightmill.analyzer.core.maya.commands import Command, command


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            'createNode file -n "file1" -p "|a|b"',
            Command("createNode", {"n": "file1", "p": "|a|b"}, ("file",)),
        ),
        ('setAttr ".w" 1920', Command("setAttr", {}, (".w", "1920"))),
        (
            'setAttr -k on -l no ".x" -12.5',
            Command("setAttr", {"k": "on", "l": "no"}, (".x", "-12.5")),
        ),
        ('setAttr -av ".x" 1', Command("setAttr", {"av": None}, (".x", "1"))),
        (
            'setAttr ".ftn" -type "string" "a\\\\b \\"c\\"\\n"',
            Command("setAttr", {"type": "string"}, (".ftn", 'a\\b "c"\n')),
        ),
        (
            'setAttr ".b" -type "string" (\n\t"one "\n\t+ "two "\n\t+ "three")',
            Command("setAttr", {"type": "string"}, (".b", "one two three")),
        ),
        (
            'setAttr ".a" -type "string" "-type"',
            Command("setAttr", {"type": "string"}, (".a", "-type")),
        ),
        (
            'requires -nodeType "aiOptions" -nodeType "aiImage" "mtoa" "5.1.0"',
            Command("requires", {"nodeType": "aiImage"}, ("mtoa", "5.1.0")),
        ),
        (
            '\n// a comment; with "marks\nfile -r -ns "x" -dr 1 -rfn "xRN" /* or */ "a//b.ma"',
            Command("file", {"r": None, "ns": "x", "dr": "1", "rfn": "xRN"}, ("a//b.ma",)),
        ),
        (
            "select -ne :defaultResolution",
            Command("select", {"ne": None}, (":defaultResolution",)),
        ),
        ('setAttr ".a" -type', Command("setAttr", {"type": ""}, (".a",))),
    ],
)
def test_a_statement_is_taken_apart(text: str, expected: Command) -> None:
    assert command(text) == expected


@pytest.mark.parametrize(
    "text", ["", "  ", "// only a comment", 'connectAttr "a" "b"', '"quoted"', "1"]
)
def test_what_does_not_matter_is_nothing(text: str) -> None:
    assert command(text) is None
