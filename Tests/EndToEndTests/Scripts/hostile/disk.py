"""What a disk holds after requests, not all of whose outcomes are known."""

CYCLE = bytes(range(1, 252))


def pattern(number, offset, length):
    """What request `number` writes: never zero, and something else than others write there."""
    start = (number * 7 + offset) % len(CYCLE)
    return (CYCLE * (length // len(CYCLE) + 2))[start:start + length]


class Disk:
    def __init__(self):
        self.content = bytearray()
        # Requests that were refused or never answered: any part of them may have been taken.
        self.doubts = []

    @property
    def high(self):
        """One past the highest byte acknowledged."""
        return len(self.content)

    def accept(self, offset, data):
        end = offset + len(data)
        if end > len(self.content):
            self.content.extend(bytes(end - len(self.content)))
        self.content[offset:end] = data

    def doubt(self, offset, data):
        self.doubts.append((offset, data))

    def difference(self, found, offset=0, lost=False):
        """The first byte of `found`, which is what lies at `offset`, that can't be there; or None.

        `lost` bytes may be: of a refused request nothing is kept, and it reads as zeroes.
        """
        expected = self.content[offset:offset + len(found)]
        expected.extend(bytes(len(found) - len(expected)))
        if found == expected:
            return None
        for index, (byte, wanted) in enumerate(zip(found, expected)):
            if byte != wanted and not self.may_be(offset + index, byte, lost):
                return offset + index
        return None

    def may_be(self, offset, byte, lost):
        return any(
            start <= offset < start + len(data)
            and (data[offset - start] == byte or lost and byte == 0)
            for start, data in self.doubts)
