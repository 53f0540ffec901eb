// What a decision about groups knows of topics: a snapshot of the metadata. Made by the shell.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "model/ids.h"

namespace forebay::group {

struct TopicView {
  model::TopicId id;
  std::vector<std::string> leader_racks;  // one per partition; empty: not known
};

struct TopicsSnapshot {
  // Next offset of `__cluster` that it does not hold. A topic that a group knows from this version, or an
  // earlier one, and that is not here, is deleted; in an older snapshot it is not there *yet*.
  model::Offset version;
  std::map<std::string, TopicView, std::less<>> by_name;  // not the internal ones
  // The names in `by_name` that a pattern matches, sorted. Requires: there is an entry for each pattern that
  // a member of the group, or an input of the turn, has. (Regular expressions are no business of a pure
  // core.)
  std::map<std::string, std::vector<std::string>, std::less<>> matches;

  // Nothing: there is no such topic, or it is another one of that name.
  [[nodiscard]] const TopicView* find(std::string_view name) const {
    const auto at = by_name.find(name);
    return at == by_name.end() ? nullptr : &at->second;
  }
  [[nodiscard]] const TopicView* find(std::string_view name, const model::TopicId& id) const {
    const TopicView* view = find(name);
    return view != nullptr && view->id == id ? view : nullptr;
  }
};

}  // namespace forebay::group
