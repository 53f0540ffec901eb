#include "raft/core/replica_watch.h"

namespace forebay::raft {

void ReplicaWatch::begin(Steady now) {
  followers_.clear();
  began_ = now;
}

void ReplicaWatch::appended(model::LogPosition end_before, model::LogPosition end, Steady now) {
  for (auto& [node, follower] : followers_) {
    if (follower.flushed < end_before) continue;
    follower.had_all_at = now;
    follower.seen = true;
    follower.mark = end;
    follower.mark_at = now;
  }
}

void ReplicaWatch::flushed(model::NodeId node, model::LogPosition flushed, model::LogPosition end,
                           Steady now) {
  const auto [at, is_new] = followers_.try_emplace(node);
  Follower& follower = at->second;
  if (is_new) {
    follower.mark = end;
    follower.mark_at = now;
    follower.had_all_at = began_;
  }
  follower.flushed = flushed;
  if (flushed >= end) {
    follower.had_all_at = now;
    follower.seen = true;
  } else if (!is_new && flushed >= follower.mark) {
    follower.had_all_at = follower.mark_at;
    follower.seen = true;
  }
  if (flushed >= follower.mark) {
    follower.mark = end;
    follower.mark_at = now;
  }
}

std::optional<ReplicaWatch::Behind> ReplicaWatch::behind(model::NodeId node, model::LogPosition end) const {
  const auto at = followers_.find(node);
  if (at == followers_.end()) return Behind{began_, false};
  if (at->second.flushed >= end) return std::nullopt;
  return Behind{at->second.had_all_at, at->second.seen};
}

}  // namespace forebay::raft
