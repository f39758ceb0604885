//! The kinds of reports that a cluster may have.

use kube::Client;
use kube::core::{ApiResource, GroupVersionKind};

use crate::failure::is_status;

/// A kind of report.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum ReportKind {
    /// `Report` of `openreports.io/v1alpha1`.
    OpenReports,
    /// `PolicyReport` of `wgpolicyk8s.io/v1alpha2`.
    PolicyReport,
}

impl ReportKind {
    /// The kind that the cluster has; `OpenReports` where it has both.
    pub(super) async fn find(client: &Client) -> Result<Option<Self>, kube::Error> {
        for kind in [Self::OpenReports, Self::PolicyReport] {
            let resource = kind.resource();
            match client.list_api_group_resources(&resource.api_version).await {
                Ok(known) => {
                    let has = |it: &str| it == resource.plural;
                    if known.resources.iter().any(|it| has(&it.name)) {
                        return Ok(Some(kind));
                    }
                }
                Err(error) if is_status(&error, 404) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::OpenReports => "Report",
            Self::PolicyReport => "PolicyReport",
        }
    }

    pub(super) fn resource(self) -> ApiResource {
        let (group, version, plural) = match self {
            Self::OpenReports => ("openreports.io", "v1alpha1", "reports"),
            Self::PolicyReport => ("wgpolicyk8s.io", "v1alpha2", "policyreports"),
        };
        let kind = GroupVersionKind::gvk(group, version, self.name());
        ApiResource::from_gvk_with_plural(&kind, plural)
    }
}
