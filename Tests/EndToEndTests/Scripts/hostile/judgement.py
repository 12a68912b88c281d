"""Whether what a reader got, what a client was told and what the report says go together."""

from server import Finding

IMPATIENCE = "a second signal"


def judge(report, reader, disk, size, excuses):
    """Does the report say what the reader got, and did it get what was written?

    `excuses`: why the stream may rightly end as failed.
    """
    if report is None:
        raise Finding("there is no report")
    outcome, count = report["outcome"], report["bytes"]
    story = f"{report}, {reader.count} bytes read, {disk.high} acknowledged, {excuses}"
    wrong = disk.difference(reader.data)
    if wrong is not None:
        raise Finding(f"the stream is wrong at {wrong}: {story}")
    # A failed stream does not wait for its reader, who may take the rest later, or die before.
    may_be_more = IMPATIENCE in excuses
    may_be_less = outcome == "failed" and reader.most is not None
    if (count < reader.count and not may_be_more) or (count > reader.count and not may_be_less):
        raise Finding(f"the report miscounts: {story}")
    if outcome == "complete" and count != size:
        raise Finding(f"complete is what is not: {story}")
    if outcome != "failed" and count < disk.high:
        raise Finding(f"acknowledged and undelivered, without an error: {story}")
    if outcome == "failed" and not excuses:
        raise Finding(f"failed without a reason: {story}")
    if outcome == "failed" and not report["error"]:
        raise Finding(f"failed without an error: {story}")
