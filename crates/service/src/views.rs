//! What the operators' API shows and accepts: plain JSON shapes, shared by the API and by the command line that reads it.
//!
//! A view holds no secret. Absent values are `null`; times are RFC 3339 in UTC; states are the words that the database holds.

mod command;
mod delivery;
mod desired;
mod device;
mod enrollment;
mod group;
mod identity;
mod incident;
mod link;
mod network;
mod organisation;
mod push;
mod query;
mod rollout;
mod sealing;
mod stream;
mod system;
mod token;

pub use command::{
    CancelAnswer, CommandAnswer, CommandDetailView, CommandRequest, CommandTypeView, CommandView, QueuedView,
    RefusalView, TargetRefusalView,
};
pub use delivery::{
    ConclusionView, DeliveryStepView, DeliveryView, EvidenceView, FindingsView, SettingResultView,
    VerificationView,
};
pub use desired::*;
pub use device::{DeviceDetailView, DeviceView, FactHistoryView, FactView, ObservationView};
pub use enrollment::{ChannelView, EnrollmentView, QuarantineView};
pub use group::{
    DeviceGroupView, GroupChangeRequest, GroupMemberView, GroupRequest, GroupView, RuleAnswerView,
    RuleTestRequest, RuleTestView,
};
pub use identity::{
    AuthorityView, EscrowCertificateView, IdentityView, RevealRequest, RevealedSecretView, RevokeRequest,
    RollRequest, SecretView,
};
pub use incident::{CloseIncidentRequest, IncidentQuery, IncidentView};
pub use link::{LinkRequest, LinkView, NewLinkView};
pub use network::{NetworkAccessView, NetworkHoldView, NetworkIdentityView, NetworkView};
pub use organisation::{
    ImportChangeView, ImportErrorView, ImportRequest, ImportView, LabelView, LeaveRequest, LeaveView,
    OwnedDeviceView, PersonChange, PersonDetailView, PersonRefView, PersonRequest, PersonView, PlaceChange,
    PlaceDetailView, PlaceQuery, PlaceRefView, PlaceRequest, PlaceView, PlacementEventView, PlacementRequest,
    PlacementView, ValueRequest, VariableView,
};
pub use push::{
    InstallPushCertificateRequest, InstalledPushCertificateView, PushAnswer, PushCertificateRequestRequest,
    PushCertificateRequestView, PushCertificateView, PushRequest,
};
pub use query::{
    AuditQuery, CommandQuery, DeliveryQuery, DeviceQuery, EnrollmentQuery, EventQuery, ExportQuery,
    FactQuery, IdentityQuery, JobQuery, NetworkQuery, PageQuery, PersonQuery,
};
pub use rollout::{RolloutHaltRequest, RolloutView};
pub use sealing::{
    DataKeyView, KeyEncryptingKeyView, ReasonRequest, ResealingView, RevealQuery, RevealView, SealingView,
};
pub use stream::{ReplayRequest, SinkEventView, SinkTestView, SinkView, SkipRequest};
pub use system::{
    AuditEventView, CheckSeverity, CheckView, EventView, FieldErrorView, JobView, Page, ProblemView,
    ServerView,
};
pub use token::{NewTokenView, TokenRequest, TokenView};
