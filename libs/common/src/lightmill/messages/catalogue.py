"""Every message that travels between services."""

from lightmill.messages.analysis_finished import AnalysisFinished
from lightmill.messages.analysis_wanted import AnalysisWanted
from lightmill.messages.attempts_settled import AttemptsSettled
from lightmill.messages.frames_rendered import FramesRendered
from lightmill.messages.job_changed import JobChanged
from lightmill.messages.job_wanted import JobWanted
from lightmill.messages.leader_tick import LeaderTick
from lightmill.messages.message import Message
from lightmill.messages.node_changed import NodeChanged
from lightmill.messages.node_report import NodeReport
from lightmill.messages.orders import Orders
from lightmill.messages.policy_wanted import PolicyWanted

MESSAGES: tuple[type[Message], ...] = (
    AnalysisFinished,
    AnalysisWanted,
    AttemptsSettled,
    FramesRendered,
    JobChanged,
    JobWanted,
    LeaderTick,
    NodeChanged,
    NodeReport,
    Orders,
    PolicyWanted,
)
