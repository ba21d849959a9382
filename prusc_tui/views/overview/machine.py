"""Load of the machine: GPUs, processors and memory."""

from typing import TYPE_CHECKING

from rich.text import Text

from prusc_tui.palette import Palette
from prusc_tui.widgets.bars import fit, heading, ink, meter, safe, shorten, wrap

if TYPE_CHECKING:
    from core.machine import Gpu, Machine

LABEL, VALUE = 8, 14
GIB = 2**30


def machine(reading: "Machine", width: int, palette: Palette) -> list[Text]:
    """Return use, memory, temperature and power of every GPU, then processors and memory, as bars with numbers."""
    lines = [heading("Machine", "", width, palette)]
    for gpu in reading.gpus:
        lines += _gpu(gpu, width, palette)
    lines.append(_bar("CPU", reading.cpu / 100, f"{reading.cpu:.0f} %", width, palette))
    lines.append(_memory("memory", reading.memory_used, reading.memory_total, width, palette))
    if reading.own is not None:
        busy = f"{reading.own.cpu / 100:.1f} of {reading.cores} processors, {reading.own.memory / GIB:.1f} GiB"
        lines.append(fit(fit("this run", LABEL + 1, palette.muted).append(busy, palette.muted), width))
    return lines


def elsewhere(host: str, width: int, palette: Palette) -> list[Text]:
    """Say that the run is on another machine, which cannot be measured from here."""
    text = ink(f"The run is on {safe(host)}; that machine cannot be measured from here.", palette.muted)
    return [heading("Machine", safe(host), width, palette), *wrap(text, width)]


def _gpu(gpu: "Gpu", width: int, palette: Palette) -> list[Text]:
    title = ink(shorten(f"GPU {gpu.index}  {safe(gpu.name)}", max(8, width - 16)), palette.text)
    facts = [f"{gpu.temperature:.0f} °C"] if gpu.temperature is not None else []
    if gpu.power is not None:
        facts.append(f"{gpu.power:.0f} W")
    title.append_text(fit(" · ".join(facts), max(0, width - title.cell_len), palette.muted, right=True))
    lines = [fit(title, width)]
    if gpu.utilisation is not None:
        lines.append(_bar("  use", gpu.utilisation / 100, f"{gpu.utilisation:.0f} %", width, palette))
    if gpu.memory_total:
        lines.append(_memory("  memory", gpu.memory_used, gpu.memory_total, width, palette))
    return lines


def _memory(label: str, used: int, total: int, width: int, palette: Palette) -> Text:
    return _bar(label, used / max(1, total), f"{used / GIB:.1f}/{total / GIB:.1f} GiB", width, palette)


def _bar(label: str, share: float, value: str, width: int, palette: Palette) -> Text:
    style = palette.warn if share >= 0.9 else palette.accent
    line = fit(label, LABEL, palette.text).append(" ")
    line.append_text(meter(share, max(2, width - LABEL - VALUE - 2), style, palette))
    return fit(line.append_text(fit(value, VALUE + 1, palette.text, right=True)), width)
