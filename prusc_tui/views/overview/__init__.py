"""View overview: stages, groups, losses, device."""

from prusc_tui.views import View

VIEW = View("overview", 1, "stages, groups, losses, device")
