// The inside of json_compatibility: one comparison of two schemas.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "schema/core/difference.h"
#include "schema/core/json/json_rules.h"
#include "schema/core/json/json_view.h"

namespace forebay::schema::json {

// What the comparison of a pair came to. Paths are relative to the pair.
struct Outcome {
  std::vector<Difference> differences;
  bool incompatible = false;  // also without a difference of its own: a pair around it has them
};

// Bytes of names that are matched with patterns, more of a large pattern: schemas in use take some thousands.
inline constexpr std::size_t kMatchStepsMax = 300'000;

class Comparer {
 public:
  Comparer(const Schema& reader, const Schema& writer, const CompatibilityPolicy& policy)
      : reader_(reader), writer_(writer), lenient_(policy.json == CompatibilityPolicy::Json::kLenient) {}
  std::vector<Difference> run();

 private:
  using Pair = std::pair<const View*, const View*>;  // writer, reader
  using Key = std::pair<Pair, bool>;                 // and whether below a "not"

  Views& of_writer() { return swapped_ ? reader_ : writer_; }
  Views& of_reader() { return swapped_ ? writer_ : reader_; }
  [[nodiscard]] bool is_unchanged() const;
  const Outcome& judge(const View* writer, const View* reader);
  void compare(Pair pair, Outcome& out);
  bool through_singles(Pair pair, Outcome& out);
  void same_class(Pair pair, Outcome& out);
  void strings(Pair pair, Outcome& out);
  void numbers(Pair pair, Outcome& out);
  void multiple_of(Pair pair, Outcome& out);
  void enums(Pair pair, Outcome& out);
  void nots(Pair pair, Outcome& out);

  void combined(Pair pair, Outcome& out);
  bool criteria(Pair pair, Outcome& out);
  const std::vector<const View*>& distinct(Views& views, const View& view);

  void objects(Pair pair, Outcome& out);
  void required(Pair pair, Outcome& out);
  void properties(Pair pair, Outcome& out);
  void property_removed(Pair pair, const Property& property, Outcome& out);
  void property_added(Pair pair, const Property& property, Outcome& out);
  void dependencies(Pair pair, Outcome& out);
  void additional_properties(Pair pair, Outcome& out);
  void unevaluated(Pair pair, const char* keyword, NodeId Node::*field, Outcome& out);

  void arrays(Pair pair, Outcome& out);
  void items(Pair pair, Outcome& out);
  void item_removed(Pair pair, std::size_t index, Outcome& out);
  void item_added(Pair pair, std::size_t index, Outcome& out);
  void additional_items(Pair pair, Outcome& out);
  void contains(Pair pair, Outcome& out);

  // The differences of a pair below, at `path`. Either may be null: nothing is said there.
  bool below(const std::string& path, const View* writer, const View* reader, Outcome& out);
  bool is_full(const Outcome& out);
  void take(const std::string& path, const Outcome& inner, Outcome& out);
  void add(Outcome& out, std::string_view rule, const std::string& path, std::string writes,
           std::string reads, const std::string& hint = "");
  // `larger_reads`: the reader may have a larger one (maxLength), else a smaller one (minLength).
  void bound(Outcome& out, const char* keyword, const std::string& rule, std::optional<std::uint64_t> writes,
             std::optional<std::uint64_t> reads, bool larger_reads);
  void bound(Outcome& out, const char* keyword, const std::string& rule, const Value* writes,
             const Value* reads, bool larger_reads);
  bool is_open(Views& views, const Node& node);
  bool is_open_array(Views& views, const Node& node);
  const View* partly_open(Views& views, const Node& node, const std::string& name);
  bool matches(const Pattern& pattern, std::string_view name);
  const View* partly_open_array(Views& views, const Node& node);

  Views reader_, writer_;
  const bool lenient_;
  bool swapped_ = false;  // below a "not": who reads and who writes is the other way round
  std::map<const View*, std::vector<const View*>> distinct_;
  std::map<Key, Outcome> known_, wrongly_assumed_;
  std::set<Key> open_, assumed_;
  std::vector<Key> later_;
  bool again_ = false, too_large_ = false;
  std::size_t pairs_ = 0, depth_ = 0, told_ = 0;
  Steps match_steps_{.max = kMatchStepsMax};
};

[[nodiscard]] std::string step_of(std::string_view name);  // of a path; a long name is cut
[[nodiscard]] std::string text_at(const Node& node, const char* keyword);

}  // namespace forebay::schema::json
