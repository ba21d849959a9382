"""View charts: every number of a run over steps, epochs or time."""

from prusc_tui.views import View

VIEW = View("charts", 2, "every number over steps, epochs or time")
