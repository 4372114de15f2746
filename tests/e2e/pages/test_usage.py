"""The console's page Usage, on a real gateway: pictures, numbers, and a file that is safe."""

import csv
import json
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.support.axe.check import barriers
from tests.support.browser import Browser, chromium, one_loop
from tests.support.callers import make_keys
from tests.support.console_page import HOSTILE, console
from tests.support.failing_parts import GatewayProcess
from tests.support.page import SIZES, Page, assert_all_is_well

__all__ = ["chromium", "one_loop"]
pytestmark = pytest.mark.anyio
# Of the names that models can have, those that a spreadsheet would run.
FORMULAS = ("=1+1", "@sum(1)", '-2+"3"', "+cmd|' /C calc'!A0", "\tx", HOSTILE)
Made = dict[str, Any]


@pytest.fixture(scope="module")
async def made(gateway: GatewayProcess, shared_dsn: str) -> Made:
    """A key with a hostile name, and what it used: 100 tokens of each of these models on two
    `days`, today and yesterday."""
    today = datetime.now(UTC).date()
    days = [today, today - timedelta(days=1)]
    key = make_keys(gateway.url, HOSTILE)
    connection = await asyncpg.connect(shared_dsn)
    await connection.executemany(
        "insert into gateway.usage_daily values ($1, $2, $3, 2, 60, 40, 100, 100)",
        [(day, key["id"], model) for day in days for model in ("plain:latest", *FORMULAS)],
    )
    await connection.close()
    return {**key, "days": days}


async def show(page: Page, made: Made, by: str) -> None:
    """This key's use of the last week."""
    await page.choose("Only the key", made["id"])
    await page.choose("Time", "7")
    await page.choose("Stacked by", by)
    await page.says("1,400 tokens")
    await page.until(f"document.querySelector('.chart [role=img]').ariaLabel.endsWith({by!r})")
    await page.until("Boolean(document.querySelector('.chart canvas'))")


async def test_it_is_drawn_and_added_up_by_key_and_model(
    chromium: Browser, gateway: GatewayProcess, made: Made
) -> None:
    async with console(chromium, gateway.url, "usage") as page:
        await show(page, made, "key")
        assert f"{HOSTILE} ({made['prefix']}…)" in await page.run("document.body.innerText")
        await show(page, made, "model")
        await page.says("plain:latest")
        [*_, sums] = await page.run(
            "Array.from(document.querySelectorAll('tbody'), (one) => one.rows.length)"
        )
        assert sums == 14
        assert await page.run("typeof hit") == "undefined"
        assert_all_is_well(chromium, gateway.url)


async def test_hours_are_drawn_from_the_log(
    chromium: Browser, gateway: GatewayProcess, shared_dsn: str
) -> None:
    key = make_keys(gateway.url, "by the hour")
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    connection = await asyncpg.connect(shared_dsn)
    await connection.executemany(
        "insert into gateway.usage_logs (request_id, api_key_id, model, endpoint, prompt_tokens,"
        " completion_tokens, total_tokens, charged_tokens, usage_source, status, created_at)"
        " values (gen_random_uuid(), $1, 'plain:latest', '/v1/messages', 60, 40, 100, 100,"
        " 'reported', 'ok', $2)",
        [(key["id"], datetime.combine(yesterday, time(hour, 59), UTC)) for hour in (0, 7, 7, 23)],
    )
    await connection.close()
    async with console(chromium, gateway.url, "usage") as page:
        await page.choose("Time", "7")
        await page.choose("Only the key", key["id"])
        await page.choose("Stacked by", "model")
        await page.choose("Bars for", "hour")
        await page.says("Hour (UTC)")
        [*_, rows] = await page.run(
            "Array.from(document.querySelectorAll('tbody'), (one) =>"
            " Array.from(one.rows, (row) => [row.cells[0].innerText, row.cells[5]?.innerText]))"
        )
        shown = yesterday.strftime("%-d %b %Y")
        assert rows == [
            [f"{shown}, 23:00", "100"],
            [f"{shown}, 07:00", "200"],
            [f"{shown}, 00:00", "100"],
        ]
        assert_all_is_well(chromium, gateway.url)


async def test_a_year_is_told_by_days_only(
    chromium: Browser, gateway: GatewayProcess, made: Made
) -> None:
    async with console(chromium, gateway.url, "usage") as page:
        await show(page, made, "model")
        options = "Array.from(document.querySelectorAll('label')).find((one) =>"
        options += " one.innerText === 'Bars for').control.options.length"
        assert await page.run(options) == 2
        await page.choose("Time", "90")
        await page.until(f"{options} === 1")


async def test_the_file_is_whole_and_a_spreadsheet_runs_nothing_of_it(
    chromium: Browser, gateway: GatewayProcess, made: Made, tmp_path: Path
) -> None:
    async with console(chromium, gateway.url, "usage") as page:
        await show(page, made, "model")
        await page.until(f"document.body.innerText.includes({json.dumps(FORMULAS[0])})")
        await chromium.save_to(page.session, tmp_path)
        await page.click("button", "Save as CSV")
        await chromium.saved()
    [file] = tmp_path.iterdir()
    assert file.suffix == ".csv"
    text = file.read_bytes().decode("utf-8")
    assert text.startswith("\ufeffday,model,requests,")
    head, *rows = csv.reader(text.removeprefix("\ufeff").splitlines())
    assert head[2:] == ["requests", "prompt_tokens", "completion_tokens", "total_tokens"]
    assert len(rows) == 14
    assert {row[0] for row in rows} == set(map(str, made["days"]))
    assert all(row[2:] == ["2", "60", "40", "100"] for row in rows)
    told = {row[1] for row in rows}
    assert told == {"plain:latest", HOSTILE, *(f"'{one}" for one in FORMULAS[:-1])}


async def test_an_error_is_told(chromium: Browser, gateway: GatewayProcess) -> None:
    async with console(chromium, gateway.url, "usage") as page:
        await page.choose("Time", "custom")
        await page.run(
            "(() => { const field = document.querySelectorAll('input[type=date]')[1];"
            " field.value = '2001-01-01';"
            " field.dispatchEvent(new Event('input', { bubbles: true })); })()"
        )
        await page.says("The range ends before it begins.")


async def test_it_fits_and_keeps_nobody_out(
    chromium: Browser, gateway: GatewayProcess, made: Made
) -> None:
    async with console(chromium, gateway.url, "usage", width=SIZES[0]) as page:
        await show(page, made, "model")
        assert await barriers(page) == {}
