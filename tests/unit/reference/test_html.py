"""Nothing becomes markup that was not made as markup."""

from gateway.reference.html import Html, join, prose, table, tag, void

EVIL = "\"><script>alert('1')</script>&amp;"


def test_text_and_attributes_are_escaped() -> None:
    shown = tag("a", EVIL, href=EVIL)
    assert shown == (
        '<a href="&quot;&gt;&lt;script&gt;alert(&#x27;1&#x27;)&lt;/script&gt;&amp;amp;">'
        "\"&gt;&lt;script&gt;alert('1')&lt;/script&gt;&amp;amp;</a>"
    )
    assert void("meta", content='"') == '<meta content="&quot;">'


def test_code_in_prose_and_cells_of_tables_are_escaped() -> None:
    assert prose("a `<b>` <c>") == "a <code>&lt;b&gt;</code> &lt;c&gt;"
    assert "<td>&lt;i&gt;</td>" in table(("<",), [("<i>",)])
    assert '<th scope="col">&lt;</th>' in table(("<",), [])


def test_marks_in_prose_become_markup_and_their_insides_text() -> None:
    assert prose("**a `<`** *<b>*") == ("<strong>a <code>&lt;</code></strong> <em>&lt;b&gt;</em>")
    assert prose('[`<`](#x"y) `[a](#b)` `*`') == (
        '<a href="#x&quot;y"><code>&lt;</code></a> <code>[a](#b)</code> <code>*</code>'
    )


def test_a_long_name_may_break_and_nothing_else() -> None:
    assert prose("`usage.completion_tokens`") == ("<code>usage.<wbr>completion_<wbr>tokens</code>")
    for text in ("a.b", "https://a.very.long.host.example", "<a.very_long_name_that_is_none>"):
        assert "<wbr>" not in prose(f"`{text}`")


def test_cells_of_a_wide_table_say_what_they_are() -> None:
    heads = ("a", "b", "c", '"')
    assert '<td data-head="&quot;">4</td>' in table(heads, [("1", "2", "3", "4")])
    assert "data-head" not in table(heads[:3], [("1", "2", "3")])


def test_markup_is_escaped_once_and_only_once() -> None:
    inner = tag("b", "&")
    assert isinstance(inner, Html)
    assert tag("p", inner, None, "&") == "<p><b>&amp;</b>&amp;</p>"
    assert join(inner) == inner


def test_python_spellings_become_html_names() -> None:
    assert tag("p", class_="x", aria_label="y") == '<p class="x" aria-label="y"></p>'
