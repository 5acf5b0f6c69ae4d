//! The part of the facts that belongs to one run, and its bounds in time.

use super::ray::{JobEnd, JobState, RayFacts};
use crate::facts::{Attempt, Event, Facts, Kind, NAMESPACES, Pod, Role, Subject};
use crate::join::least;
use crate::time::Time;
use std::borrow::Cow;

/// Seconds for which facts without a time of their own may arrive late.
const LATE: i64 = 60;
/// Seconds by which clocks may differ.
const SKEW: i64 = 5;

/// One run.
pub(super) struct Scope<'a> {
    /// The kind of the object whose run it is.
    pub(super) kind: Kind,
    pub(super) facts: &'a Facts,
    /// Facts of Ray about the run: those that were asked about, else the ends of sessions that are among the facts.
    pub(super) ray: Option<Cow<'a, RayFacts>>,
    /// The name of the cluster; empty if there was none.
    pub(super) cluster_name: &'a str,
    pub(super) cluster: Option<&'a Subject>,
    pub(super) job: Option<&'a Subject>,
    pub(super) service: Option<&'a Subject>,
    pub(super) attempt: Option<&'a Attempt>,
    /// A later attempt follows, so this one failed or was suspended.
    pub(super) was_retried: bool,
    pub(super) head: Option<&'a Pod>,
    /// Its head is the last one of the cluster.
    pub(super) is_last: bool,
    /// The pods of the run, submitters included.
    pub(super) pods: Vec<&'a Pod>,
    pub(super) from: Option<Time>,
    /// The end: the outcome, or the deletion before it.
    pub(super) to: Option<Time>,
}

impl<'a> Scope<'a> {
    /// Returns the run of a session of which no object was watched.
    pub(super) fn of_ray(
        facts: &'a Facts,
        ray: &'a RayFacts,
        cluster_name: &'a str,
        from: Option<Time>,
        to: Option<Time>,
    ) -> Self {
        Self {
            kind: Kind::RayCluster,
            facts,
            ray: Some(Cow::Borrowed(ray)),
            cluster_name,
            cluster: None,
            job: None,
            service: None,
            attempt: None,
            was_retried: false,
            head: None,
            is_last: true,
            pods: Vec::new(),
            from,
            to,
        }
    }
}

impl Scope<'_> {
    /// Returns Ray's facts, if any are known.
    pub(super) fn ray(&self) -> Option<&RayFacts> {
        self.ray.as_deref()
    }

    /// Returns `true` if Ray's job ran, or the whole cluster was ready once.
    pub(super) fn began(&self) -> bool {
        let ready = self.cluster.is_some_and(|cluster| cluster.ready_at.is_some());
        if self.attempt.is_some() { self.attempt.is_some_and(Attempt::ran) } else { ready || self.has_ray_jobs() }
    }

    /// Returns the message of the failure: of the attempt, else of the first job of Ray that failed.
    pub(super) fn message(&self) -> &str {
        match self.attempt {
            Some(attempt) => &attempt.state.message,
            None => self.failed_job().map_or("", |job| &job.message),
        }
    }

    /// Returns the first job of Ray that failed.
    pub(super) fn failed_job(&self) -> Option<&JobEnd> {
        let jobs = self.ray().into_iter().flat_map(|ray| &ray.jobs);
        jobs.filter(|job| job.state == JobState::Failed).min_by_key(|job| job.at)
    }

    /// Returns the end of the work: of the attempt, else of the last of Ray's jobs; `None` while it goes on.
    pub(super) fn over(&self) -> Option<Time> {
        match self.attempt {
            Some(attempt) => attempt.to.filter(|_| attempt.is_over()),
            None => self.ray().and_then(RayFacts::end_of_jobs),
        }
    }

    fn has_ray_jobs(&self) -> bool {
        self.ray().is_some_and(|ray| !ray.jobs.is_empty())
    }

    /// Returns `true` for what happened within the run, by whole seconds: objects tell no others.
    pub(super) fn admits(&self, at: Time) -> bool {
        self.to.is_none_or(|to| at.second() <= to.second()) && self.from.is_none_or(|from| at >= from.plus(-5))
    }

    /// Returns `true` for what was first seen within the run, or shortly after it.
    pub(super) fn admits_sight(&self, seen: Time) -> bool {
        self.to.is_none_or(|to| seen <= to.plus(LATE)) && self.from.is_none_or(|from| seen >= from.plus(-5))
    }

    /// Returns the time from which on ends of a pod are consequences: of its deletion, or of its cluster's.
    pub(super) fn cutoff(&self, pod: &Pod) -> Option<Time> {
        let mut cutoff = pod.deleted_at;
        if pod.role != Role::Submitter {
            least(&mut cutoff, self.cluster.and_then(Subject::end));
        }
        least(&mut cutoff, self.job.and_then(|job| job.deleted_at));
        cutoff
    }

    /// Returns the Events about an object.
    pub(super) fn events_about(&self, about: &str) -> impl Iterator<Item = &Event> {
        self.facts.events.iter().filter(move |event| event.about == about)
    }

    /// Returns the Events about a pod.
    pub(super) fn events_of(&self, pod: &Pod) -> impl Iterator<Item = &Event> {
        let about = format!("Pod {}", pod.name);
        self.facts.events.iter().filter(move |event| event.about == about)
    }

    /// Returns `true` if a part of the run was not watched. Namespaces, which tell of deletions alone, are no part of it.
    pub(super) fn was_unseen(&self) -> bool {
        let is_of_namespaces = |what: &String| what.split_once(": ").is_some_and(|(kind, _)| kind == NAMESPACES);
        !self.facts.unseen.iter().all(is_of_namespaces)
    }

    /// Returns `true` if a part of the run was not watched, or its head was never seen: then nothing follows from what
    /// is not known.
    pub(super) fn has_gaps(&self) -> bool {
        self.was_unseen() || self.head.is_none()
    }

    /// Returns `true` if the head, as far as it was seen, ran from its start on.
    pub(super) fn head_is_fine(&self) -> bool {
        let fine = |head: &Pod| {
            let quiet = head.restarts == 0 && head.conditions.iter().all(|condition| condition.kind == "PodScheduled");
            quiet
                && head.main().is_some_and(|main| {
                    main.last_ready.is_some() && main.ended.iter().all(|ended| ended.deleting || !self.admits(ended.at))
                })
        };
        !self.has_gaps() && self.head.is_some_and(fine)
    }

    /// Returns `true` if the object was suspended or to be retried when it was seen last, and nobody saw it go: it may have
    /// gone on, and ended of something else.
    pub(super) fn may_have_gone_on(&self) -> bool {
        let objects = || [self.job, self.cluster].into_iter().flatten();
        let is_lost = |object: &Subject| object.gone_at.is_some() && object.deleted_at.is_none() && !object.seen_going;
        let is_open = |attempt: &Attempt| attempt.is_over() && !attempt.is_final() && !self.was_retried;
        let is_suspended = || objects().any(|object| object.suspension().is_some());
        self.is_last && objects().any(is_lost) && (self.attempt.is_some_and(is_open) || is_suspended())
    }

    /// Returns `true` for a thing that was seen at the end of the run or later, so that its state then is known.
    pub(super) fn saw_the_end(&self, last_seen: Option<Time>) -> bool {
        self.to.is_none_or(|to| last_seen.is_some_and(|seen| seen >= to))
    }

    /// Returns the sessions of the cluster that began within the run.
    pub(super) fn sessions(&self) -> Vec<String> {
        let of = |key: &str| Some(key.strip_prefix(self.cluster_name)?.strip_prefix('/')?.to_owned());
        let all = self.facts.sessions.iter().filter(|(_, at)| {
            self.from.is_none_or(|from| **at >= from.plus(-LATE)) && self.to.is_none_or(|to| **at <= to)
        });
        all.filter_map(|(key, _)| of(key)).collect()
    }
}

/// Returns the runs of an object, oldest first.
pub(super) fn scopes<'a>(facts: &'a Facts, kind: Kind, uid: &str, ray: Option<&'a RayFacts>) -> Vec<Scope<'a>> {
    let own = facts.object(uid);
    let job = match kind {
        Kind::RayJob => own,
        _ => own.and_then(|cluster| owner(facts, cluster, Kind::RayJob)),
    };
    let attempts = attempts(facts, job);
    let mut clusters: Vec<(&str, Option<&Subject>)> = match kind {
        Kind::RayJob => clusters_of_job(facts, &attempts, uid),
        _ => own.into_iter().map(|cluster| (cluster.name.as_str(), Some(cluster))).collect(),
    };
    if clusters.is_empty() {
        clusters.push(("", None));
    }
    let mut scopes = Vec::new();
    for (name, cluster) in clusters {
        let place = attempts.iter().position(|attempt| attempt.cluster == name);
        let attempt = place.map(|place| attempts[place]);
        let next = place.and_then(|place| attempts.get(place + 1)).copied();
        let service = cluster.and_then(|cluster| owner(facts, cluster, Kind::RayService));
        let base = Base { kind, facts, ray, name, cluster, job, service, attempt, next };
        scopes.extend(base.scopes());
    }
    scopes
}

/// Returns the attempts of a job in their order.
fn attempts<'a>(facts: &'a Facts, job: Option<&Subject>) -> Vec<&'a Attempt> {
    let mut attempts: Vec<&Attempt> =
        facts.attempts.iter().filter(|attempt| job.is_some_and(|job| job.uid == attempt.job)).collect();
    attempts.sort_by_key(|attempt| (attempt.from, attempt.to, &attempt.cluster));
    attempts
}

/// Returns the clusters of a `RayJob`: those of its attempts, and those that it owns.
fn clusters_of_job<'a>(facts: &'a Facts, attempts: &[&'a Attempt], uid: &str) -> Vec<(&'a str, Option<&'a Subject>)> {
    let owned = |cluster: &&Subject| cluster.owner.as_ref().is_some_and(|owner| owner.uid == uid);
    let known: Vec<&Subject> = facts.of_kind(Kind::RayCluster).filter(owned).collect();
    let named = |name: &str| facts.of_kind(Kind::RayCluster).find(|cluster| cluster.name == name);
    let mut clusters: Vec<(&str, Option<&Subject>)> =
        attempts.iter().map(|attempt| (attempt.cluster.as_str(), named(&attempt.cluster))).collect();
    let missing = known.into_iter().filter(|cluster| !attempts.iter().any(|attempt| attempt.cluster == cluster.name));
    clusters.extend(missing.map(|cluster| (cluster.name.as_str(), Some(cluster))).collect::<Vec<_>>());
    let began = |name: &str, cluster: Option<&Subject>| {
        let attempt = attempts.iter().find(|attempt| attempt.cluster == name).and_then(|attempt| attempt.from);
        cluster.and_then(|cluster| cluster.created_at).or(attempt)
    };
    clusters.sort_by_key(|(name, cluster)| (began(name, *cluster), *name));
    clusters
}

/// Returns the owner of a kind, by uid, else by name.
fn owner<'a>(facts: &'a Facts, of: &Subject, kind: Kind) -> Option<&'a Subject> {
    let owner = of.owner.as_ref().filter(|owner| owner.kind == kind.name())?;
    let mut owners = facts.of_kind(kind);
    if owner.uid.is_empty() {
        owners.find(|object| object.name == owner.name)
    } else {
        owners.find(|object| object.uid == owner.uid)
    }
}

/// All of a cluster, before it is split by head pods.
struct Base<'a> {
    kind: Kind,
    facts: &'a Facts,
    ray: Option<&'a RayFacts>,
    name: &'a str,
    cluster: Option<&'a Subject>,
    job: Option<&'a Subject>,
    service: Option<&'a Subject>,
    attempt: Option<&'a Attempt>,
    next: Option<&'a Attempt>,
}

impl<'a> Base<'a> {
    fn scopes(&self) -> Vec<Scope<'a>> {
        let pods: Vec<&Pod> = self.facts.pods.iter().filter(|pod| self.has(pod)).collect();
        let mut heads: Vec<&Pod> = pods.iter().copied().filter(|pod| pod.role == Role::Head).collect();
        heads.sort_by_key(|head| (head.created_at, &head.uid));
        let from = self.from();
        if heads.is_empty() {
            return vec![self.scope(None, &pods, from, None, true)];
        }
        let count = heads.len();
        let scope = |(place, head): (usize, &&'a Pod)| {
            let from = if place == 0 { least_of([from, head.created_at]) } else { head.created_at };
            let next = heads.get(place + 1).and_then(|next| next.created_at);
            self.scope(Some(head), &pods, from, next, place + 1 == count)
        };
        heads.iter().enumerate().map(scope).collect()
    }

    /// Returns `true` for a pod of this cluster, and for a submitter of this attempt.
    fn has(&self, pod: &Pod) -> bool {
        if pod.role != Role::Submitter {
            return !self.name.is_empty() && pod.cluster == self.name;
        }
        let after = |from: Option<Time>| from.is_none_or(|from| pod.created_at.is_none_or(|at| at >= from));
        let next = self.next.and_then(|next| next.from);
        after(self.from()) && next.is_none_or(|next| pod.created_at.is_none_or(|at| at < next))
    }

    /// Returns the run of a head pod from its start until that of the next one.
    fn scope(
        &self,
        head: Option<&'a Pod>,
        pods: &[&'a Pod],
        from: Option<Time>,
        next: Option<Time>,
        is_last: bool,
    ) -> Scope<'a> {
        let ray = self.ray.map(Cow::Borrowed).or_else(|| self.told(from, next).map(Cow::Owned));
        let to = least_of([self.to(ray.as_deref()), next]);
        let mine = |pod: &&&Pod| match pod.role {
            Role::Head => head.is_some_and(|head| head.uid == pod.uid),
            // A worker that outlives a head is part of both runs; times tell which trouble belongs where.
            Role::Worker | Role::Submitter => to.is_none_or(|to| pod.created_at.is_none_or(|at| at <= to)),
        };
        Scope {
            kind: self.kind,
            facts: self.facts,
            ray,
            cluster_name: self.name,
            cluster: self.cluster,
            job: self.job,
            service: self.service,
            attempt: self.attempt,
            was_retried: self.next.is_some(),
            head,
            is_last,
            pods: pods.iter().filter(mine).copied().collect(),
            from,
            to,
        }
    }

    /// Returns the ends of the sessions that began between two times, as facts of Ray. Of a `RayJob`'s cluster its attempts
    /// tell.
    fn told(&self, from: Option<Time>, next: Option<Time>) -> Option<RayFacts> {
        if self.attempt.is_some() {
            return None;
        }
        let is_within = |at: Time| from.is_none_or(|from| at >= from.plus(-SKEW)) && next.is_none_or(|next| at < next);
        let is_ours = |session: &str| session.strip_prefix(self.name).is_some_and(|rest| rest.starts_with('/'));
        let wants = |session: &str| {
            is_ours(session) && self.facts.sessions.get(session).is_some_and(|started| is_within(*started))
        };
        RayFacts::of_sessions(&self.facts.session_ends, wants)
    }

    fn from(&self) -> Option<Time> {
        let attempt = self.attempt.and_then(|attempt| attempt.from);
        let job = self.job.filter(|_| self.cluster.is_none()).and_then(|job| job.created_at);
        least_of([self.cluster.and_then(|cluster| cluster.created_at), attempt]).or(job)
    }

    /// Returns the end: that of the attempt, or the deletion of the cluster or the job before it, or the suspension.
    fn to(&self, ray: Option<&RayFacts>) -> Option<Time> {
        let attempt = self.attempt.and_then(|attempt| attempt.to);
        let next = self.next.and_then(|next| next.from);
        let deleted = least_of([self.cluster.and_then(Subject::end), self.job.and_then(Subject::end)]);
        let ray = ray.filter(|_| self.attempt.is_none()).and_then(RayFacts::end_of_jobs);
        // An end of Ray's jobs is no end of a cluster that lives on.
        let ray = ray.filter(|_| deleted.is_some());
        match (attempt, deleted.filter(|_| attempt.is_none_or(|to| deleted.is_some_and(|at| at.plus(1) < to)))) {
            (None, None) => least_of([next, ray, self.suspended()]),
            (attempt, deleted) => least_of([attempt, deleted, next, ray]),
        }
    }

    /// Returns the time of the suspension in force; what was never started waits for its queue, and goes on.
    fn suspended(&self) -> Option<Time> {
        let ready = self.cluster.is_some_and(|cluster| cluster.ready_at.is_some());
        if !ready && !self.facts.pods.iter().any(|pod| self.has(pod)) {
            return None;
        }
        let objects = [self.cluster, self.job.filter(|_| self.attempt.is_none())];
        objects.into_iter().flatten().find_map(Subject::suspension).and_then(|suspend| suspend.at)
    }
}

fn least_of<const N: usize>(times: [Option<Time>; N]) -> Option<Time> {
    times.into_iter().flatten().min()
}
