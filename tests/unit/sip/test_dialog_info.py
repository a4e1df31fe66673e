"""The document of a busy lamp: well-formed whatever the names are."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from offhook.sip.dialog_info import DialogState, ShownDialog, render_dialog_info

NS = "{urn:ietf:params:xml:ns:dialog-info}"
ANY_TEXT = st.text(st.characters(exclude_categories=[]), max_size=20)


@given(ANY_TEXT, ANY_TEXT, ANY_TEXT)
def test_any_name_gives_a_document_that_reads_back(extension: str, host: str, other: str) -> None:
    shown = ShownDialog(id=other, is_caller=True, state=DialogState.EARLY, other=other)
    root = ET.fromstring(render_dialog_info(extension, host, 3, [shown]))  # ours
    [dialog] = root.iter(f"{NS}dialog")
    assert [child.tag for child in dialog] == [f"{NS}state", f"{NS}local", f"{NS}remote"]
    assert (root.get("version"), root.get("state")) == ("3", "full")


def test_markup_in_a_name_stays_text() -> None:
    evil = "\"'><state>confirmed</state>&amp;]]>"
    shown = ShownDialog(id="a", is_caller=False, state=DialogState.TRYING, other=evil)
    root = ET.fromstring(render_dialog_info("1001", "pbx", 0, [shown]))  # ours
    assert [item.text for item in root.iter(f"{NS}state")] == ["trying"]
    assert root.findtext(f"{NS}dialog/{NS}remote/{NS}identity") == f"sip:{evil}@pbx"
