// Of "allOf", "anyOf" and "oneOf".
#include <algorithm>
#include <set>

#include "schema/core/json/json_comparer.h"
#include "schema/core/json/json_matching.h"

namespace forebay::schema::json {

// False: they cannot be compared any further.
bool Comparer::criteria(Pair pair, Outcome& out) {
  const View &writer = *pair.first, &reader = *pair.second;
  const bool one_writes = writer.subs.size() == 1, one_reads = reader.subs.size() == 1;
  const bool extends = writer.criterion == reader.criterion || reader.criterion == Criterion::kAny ||
                       (one_writes && one_reads) || (one_writes && reader.criterion == Criterion::kOne) ||
                       (one_reads && writer.criterion == Criterion::kAll);
  if (!extends) add(out, "COMBINED_TYPE_CHANGED", "", words_of(writer), words_of(reader));
  return extends;
}

// Without those that are there twice. Told apart by their texts, so each view only once.
const std::vector<const View*>& Comparer::distinct(Views& views, const View& view) {
  const auto [known, is_new] = distinct_.try_emplace(&view);
  std::vector<const View*>& all = known->second;
  if (!is_new) return all;
  std::set<std::string> texts;
  for (const Sub& sub : view.subs) {
    if (sub.part == nullptr && !texts.insert(to_text(*views.schema().node(sub.node).source, true)).second)
      continue;
    all.push_back(views.of(sub));
  }
  return all;
}

void Comparer::combined(Pair pair, Outcome& out) {
  if (!criteria(pair, out)) return;
  const View &writer = *pair.first, &reader = *pair.second;
  const auto& writes = distinct(of_writer(), writer);
  const auto& reads = distinct(of_reader(), reader);
  if (writes.size() < reads.size() && reader.criterion == Criterion::kAll)
    add(out, "PRODUCT_TYPE_EXTENDED", "", words_of(writer), words_of(reader));
  if (writes.size() > reads.size() && writer.criterion != Criterion::kAll)
    add(out, "SUM_TYPE_NARROWED", "", words_of(writer), words_of(reader));
  std::vector<std::vector<std::size_t>> edges(writes.size());
  std::vector<std::string> nearest(writes.size());
  for (std::size_t i = 0; i < writes.size(); ++i) {
    std::size_t deepest = 0;
    for (std::size_t j = 0; j < reads.size() && !too_large_; ++j) {
      const Outcome& inner = judge(writes[i], reads[j]);
      if (!inner.incompatible) {
        edges[i].push_back(j);
      } else if (!inner.differences.empty() && inner.differences.front().path.size() >= deepest) {
        const Difference& first = inner.differences.front();  // the deeper, the more alike they are
        deepest = first.path.size() + 1;
        nearest[i] = first.rule + (first.path.empty() ? "" : " at ") + first.path;
      }
    }
  }
  const auto partners = largest_matching(edges, reads.size());
  const auto matched = static_cast<std::size_t>(
      std::count_if(partners.begin(), partners.end(), [](std::size_t one) { return one != kUnmatched; }));
  if (matched >= std::min(writes.size(), reads.size())) return;
  const auto lonely =
      static_cast<std::size_t>(std::find(partners.begin(), partners.end(), kUnmatched) - partners.begin());
  const std::string which = std::string(criterion_name(writer.criterion)) + "/" + std::to_string(lonely);
  add(out, "COMBINED_TYPE_SUBSCHEMAS_CHANGED", "", which + ": " + words_of(*writes[lonely]), words_of(reader),
      nearest[lonely].empty() ? ""
                              : "; what keeps the nearest from reading " + which + ": " + nearest[lonely]);
}

}  // namespace forebay::schema::json
