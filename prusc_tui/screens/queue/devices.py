"""The devices as lines: memory, utilisation, temperature, and who uses them for how long."""

from rich.text import Text

from core.words import clock
from prusc_tui.palette import Palette
from prusc_tui.screens.queue.state import Device, Occupant, State
from prusc_tui.widgets.bars import fit, heading, ink, meter, safe, shorten

GIB = 2**30
METER, FACTS = 10, 26
"""Cells of the bar, and of memory, utilisation and temperature."""
TIME, MOST = 9, 56
"""Cells of the time of an occupant, and most cells of its name and time."""


def device_lines(state: State, width: int, room: int, palette: Palette) -> list[Text]:
    """Draw the devices in at most `room` lines: each occupant on a line of its own if there is room for that."""
    view, devices, now = state.view, state.devices, state.now
    threads = f"{view.threads} thread{'s' * (view.threads > 1)}"
    title = heading("Devices", f"at most {view.slots} on the CPU, {threads} each", width, palette)
    whole = [line for device in devices for line in _device(device, now, width, palette, apart=True)]
    if len(whole) < room:
        return [title, *whole]
    short = [line for device in devices for line in _device(device, now, width, palette, apart=False)]
    left = len(short) - max(0, room - 2)
    if len(short) < room or left < 2:
        return [title, *short]
    return [title, *short[:-left], fit(f"… and {left} more", width, palette.muted)]


def _device(device: Device, now: float, width: int, palette: Palette, *, apart: bool) -> list[Text]:
    name = min(18, max(6, width - 8 - METER - FACTS - 26))
    line = fit(device.what, 7, palette.text).append_text(fit(fit(safe(device.name), name, palette.muted), name + 1))
    share = device.memory_used / max(1, device.memory_total)
    line.append_text(meter(share, METER, palette.warn if share >= 0.9 else palette.accent, palette))
    line.append_text(_facts(device, palette)).append("  ")
    beside = line.cell_len
    occupants = list(device.occupants)
    free = [ink(device.free, palette.good)] if device.free else []
    if not apart:
        some = Text("  ").join([_occupant(one, now, 0, palette) for one in occupants] + free)
        return [fit(line.append_text(some), width)]
    texts = [_occupant(one, now, min(width - beside, MOST), palette) for one in occupants] + free
    first, *rest = texts or [ink("")]
    return [fit(line.append_text(first), width), *(fit(ink(" " * beside).append_text(text), width) for text in rest)]


def _facts(device: Device, palette: Palette) -> Text:
    memory = f"{device.memory_used / GIB:.1f}/{device.memory_total / GIB:.0f} GiB"
    use = f"{device.utilisation} %" if device.utilisation is not None else ""
    heat = f"{device.temperature} °C" if device.temperature is not None else ""
    text = fit(memory, 14, palette.text, right=True)
    return text.append_text(fit(use, 6, palette.text, right=True)).append_text(fit(heat, 6, palette.text, right=True))


def _occupant(one: Occupant, now: float, width: int, palette: Palette) -> Text:
    """Name and time of an occupant, the time at the right end of `width` cells; 0 for as short as possible."""
    style = palette.accent if one.ours else palette.warn
    time = clock(max(0, int(now - one.since))) if one.since is not None else ""
    if not width:
        return ink(safe(one.what), style).append(f" {time}" if time else "", palette.muted)
    room = max(5, width - TIME) if time else width
    return fit(shorten(safe(one.what), room), room, style).append_text(
        fit(time, width - room, palette.muted, right=True)
    )
