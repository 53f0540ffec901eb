#include "group/topics_view.h"

#include <re2/re2.h>

#include <utility>

#include "cluster/core/dead_letter_topics.h"
#include "cluster/core/internal_topics.h"
#include "model/dead_letters.h"

namespace forebay::group {
namespace {

// What a pattern of kPatternBytesMax needs, and no pattern that was written to need more: RE2 bounds time by
// the length of the text and memory by this.
constexpr std::int64_t kPatternMemory = 1 << 20;
// Patterns of former members are forgotten when so many have come together.
constexpr std::size_t kPatternsMax = 20'000;

re2::RE2::Options options() {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kPatternMemory);
  return options;
}

TopicView view_of(const cluster::Topic& topic, const model::TopicId& id,
                  const std::map<model::NodeId, std::string>& racks) {
  TopicView view{id, {}};
  view.leader_racks.reserve(topic.partitions.size());
  for (const cluster::Placement& placement : topic.partitions) {
    // Who should rather lead: what does lead for the moment is no reason to move a partition between members.
    const auto at = placement.replicas.empty() ? racks.end() : racks.find(placement.replicas.front());
    view.leader_racks.push_back(at == racks.end() ? std::string() : at->second);
  }
  return view;
}

}  // namespace

TopicsView::TopicsView() = default;
TopicsView::~TopicsView() = default;

Result<void> check_pattern(const std::string& pattern) {
  const re2::RE2 expression(pattern, options());
  if (expression.ok()) return {};
  return Error{ErrorCode::kInvalidArgument,
               "the pattern '" + pattern.substr(0, 64) + "' is no regular expression: " + expression.error()};
}

bool TopicsView::set(const cluster::ClusterImage& image) {
  std::map<model::NodeId, std::string> racks;
  for (const auto& [node, broker] : image.brokers) racks.emplace(node, broker.registration.rack);
  const bool same_racks = std::exchange(racks_, std::move(racks)) == racks_;
  bool follow = !std::exchange(known_, true);
  snapshot_.version = image.applied;
  const auto see = [&](const std::string& name, const cluster::TopicPtr& topic, const model::TopicId& id) {
    cluster::TopicPtr& known = topics_[name];
    if (known == topic && same_racks) return;
    follow = follow || known == nullptr || known->id != topic->id ||
             known->partitions.size() != topic->partitions.size();
    snapshot_.by_name[name] = view_of(*topic, id, racks_);
    known = topic;
  };
  for (const auto& [name, topic] : image.topics) {
    if (cluster::is_internal(name)) continue;
    see(name, topic, topic->id);
    if (cluster::has_dead_letter_topic(*topic))
      see(cluster::dead_letter_name(name), topic, model::dead_letters_id(topic->id));
  }
  for (auto at = topics_.begin(); at != topics_.end();) {
    if (image.topics.contains(at->first) || cluster::dead_letter_source(image, at->first) != nullptr) {
      ++at;
      continue;
    }
    snapshot_.by_name.erase(at->first);
    at = topics_.erase(at);
    follow = true;
  }
  if (!follow) return false;
  // Asked for again by whoever still needs them, so that those of former members go.
  snapshot_.matches.clear();
  ++generation_;
  return true;
}

const TopicsSnapshot* TopicsView::snapshot() {
  if (snapshot_.matches.size() >= kPatternsMax) {
    snapshot_.matches.clear();
    ++generation_;
  }
  return known_ ? &snapshot_ : nullptr;
}

Result<void> TopicsView::want_pattern(const std::string& pattern) {
  // One that was wrong matches nothing, and is wrong again.
  if (const auto known = snapshot_.matches.find(pattern); known != snapshot_.matches.end())
    return known->second.empty() ? check_pattern(pattern) : Result<void>{};
  std::vector<std::string>& matches = snapshot_.matches[pattern];
  const re2::RE2 expression(pattern, options());
  if (!expression.ok()) return check_pattern(pattern);
  for (const auto& [name, view] : snapshot_.by_name) {
    // Who wants all topics of some kind does not want what was wrong with them: those are asked for by name.
    if (model::reading_of(view.id) == model::Reading::kDeadLetters) continue;
    if (re2::RE2::FullMatch(name, expression)) matches.push_back(name);
  }
  return {};
}

}  // namespace forebay::group
