"""View environments: composition, risk and penalty, restarts."""

from prusc_tui.views import View

VIEW = View("environments", 5, "composition, conflict samples, risk and penalty, restarts", short="envs")
