"""The commands of docs/BACKUP.md, so that what is tried is what is written there."""

import json
import pathlib
import re

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "BACKUP.md"
DIRECTORY = "/backup"


class Recipe:
    """The blocks under one heading, in order, for a directory that is not /backup."""

    def __init__(self, title, place):
        section = re.search(rf"(?ms)^## {title}\n(.*?)(?=^## |\Z)", PAGE.read_text())[1]
        self.blocks = [
            (kind, text.replace(f"{DIRECTORY}/", f"{place}/").replace(f"={DIRECTORY}", f"={place}"))
            for kind, text in re.findall(r"(?ms)^```(sh|json)\n(.*?)^```", section)]

    def shell(self, index):
        """The shell commands of a block."""
        return self.block("sh", index)

    def messages(self, index):
        """The monitor's commands of a block."""
        text, messages = self.block("json", index).strip(), []
        while text:
            message, end = json.JSONDecoder().raw_decode(text)
            messages.append(message)
            text = text[end:].lstrip()
        return messages

    def block(self, kind, index):
        return [text for one, text in self.blocks if one == kind][index]

    def change(self, old, new):
        """For what happens where the page has an undisturbed world."""
        assert any(old in text for _, text in self.blocks), f"the page has no '{old}' any more"
        self.blocks = [(kind, text.replace(old, new)) for kind, text in self.blocks]
