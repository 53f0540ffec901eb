#include "schema/core/json/json_compatibility.h"

#include <algorithm>

#include "schema/core/json/json_comparer.h"
#include "schema/core/json/json_matching.h"
#include "schema/core/json/json_number.h"

namespace forebay::schema::json {
namespace {

constexpr std::size_t kDifferencesMax = 1000;
constexpr std::size_t kValuesPerPair = 64;  // of enums, that take as long to compare as two schemas
constexpr std::size_t kPairsMax = 300'000;  // schemas in use take some thousands
constexpr std::size_t kDepthMax = 60;       // of pairs within pairs: those below come later, from the top
constexpr std::size_t kToldMax = 100'000;   // of all pairs
constexpr std::size_t kValueBytesMax = 200;

std::string cut(std::string text) {
  if (text.size() <= kValueBytesMax) return text;
  std::size_t end = kValueBytesMax;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "...";
}

}  // namespace

std::string step_of(std::string_view name) { return pointer_step(cut(std::string(name.substr(0, 500)))); }

std::string text_at(const Node& node, const char* keyword) {
  const Value* value = node.keyword(keyword);
  return value == nullptr ? std::string() : to_short_text(*value, kValueBytesMax);
}

std::vector<Difference> Comparer::run() {
  // A pair that is met within itself, or too deep, is taken as compatible. Where that turns out wrong, all is
  // done again knowing it, until nothing is assumed that is not so.
  Outcome result;
  do {
    again_ = false;
    known_.clear();
    told_ = 0;
    assumed_.clear();
    later_.clear();
    result = judge(writer_.of(writer_.schema().root), reader_.of(reader_.schema().root));
    for (std::size_t i = 0; i < later_.size(); ++i) {
      const Key key = later_[i];
      swapped_ = key.second;
      judge(key.first.first, key.first.second);
      swapped_ = false;
    }
  } while (again_ && !too_large_);
  // What has not changed can be read, whatever stands in the way of telling.
  if (too_large_ && is_unchanged()) return {};
  if (too_large_ || (result.incompatible && result.differences.empty())) {
    const Rule* rule = rule_named("COMPARISON_TOO_LARGE");
    const bool matches = match_steps_.are_used_up();
    result.differences.insert(
        result.differences.begin(),
        {std::string(rule->name), "",
         "more than " + std::to_string(matches ? kMatchStepsMax : kPairsMax) +
             (matches ? " bytes" : " pairs"),
         matches ? "of names to match with patterns" : "of schemas to compare", std::string(rule->allowed)});
  }
  return std::move(result.differences);
}

bool Comparer::is_unchanged() const {
  const auto &reads = reader_.schema().documents, &writes = writer_.schema().documents;
  return std::equal(reads.begin(), reads.end(), writes.begin(), writes.end(),
                    [](const auto& a, const auto& b) { return to_text(a->root()) == to_text(b->root()); });
}

const Outcome& Comparer::judge(const View* writer, const View* reader) {
  static const Outcome kFine, kBad{{}, true};
  const Key key{{writer, reader}, swapped_};
  if (const auto known = known_.find(key); known != known_.end()) return known->second;
  const bool is_open = open_.contains(key);
  if (is_open || depth_ >= kDepthMax) {
    assumed_.insert(key);
    if (!is_open) later_.push_back(key);
    const auto wrong = wrongly_assumed_.find(key);
    if (wrong == wrongly_assumed_.end()) return kFine;
    return is_open ? kBad : wrong->second;  // where it is open its differences are told anyway
  }
  if (++pairs_ > kPairsMax) too_large_ = true;
  if (too_large_) return kBad;
  open_.insert(key);
  ++depth_;
  Outcome out;
  compare(key.first, out);
  out.incompatible = out.incompatible || !out.differences.empty();
  --depth_;
  open_.erase(key);
  if (out.incompatible && assumed_.contains(key) && wrongly_assumed_.emplace(key, out).second) again_ = true;
  return known_.emplace(key, std::move(out)).first->second;
}

bool Comparer::below(const std::string& path, const View* writer, const View* reader, Outcome& out) {
  if (reader == nullptr) return true;  // what was said is said no more: SCHEMA_REMOVED is compatible
  if (writer == nullptr) {
    add(out, "SCHEMA_ADDED", path, "", words_of(*reader));
    return false;
  }
  const Outcome& inner = judge(writer, reader);
  take(path, inner, out);
  return !inner.incompatible;
}

// One difference is kept of every pair, whatever the others took.
bool Comparer::is_full(const Outcome& out) {
  return out.differences.size() >= kDifferencesMax || (++told_ > kToldMax && !out.differences.empty());
}

void Comparer::take(const std::string& path, const Outcome& inner, Outcome& out) {
  out.incompatible = out.incompatible || inner.incompatible;
  for (const Difference& one : inner.differences) {
    if (is_full(out)) return;
    out.differences.push_back(one);
    out.differences.back().path = path + one.path;
  }
}

void Comparer::add(Outcome& out, std::string_view name, const std::string& path, std::string writes,
                   std::string reads, const std::string& hint) {
  const Rule* rule = rule_named(name);
  if (rule == nullptr || (rule->lenient_allows && lenient_)) return;
  out.incompatible = true;
  if (out.differences.size() >= kDifferencesMax) return;
  out.differences.push_back({std::string(name), path, cut(std::move(writes)), cut(std::move(reads)),
                             std::string(rule->allowed) + hint});
}

void Comparer::compare(Pair pair, Outcome& out) {
  const auto& [writer, reader] = pair;
  if (through_singles(pair, out)) return;
  if (writer->type == reader->type) return same_class(pair, out);
  if (writer->type == Class::kFalse || reader->type == Class::kEmpty) return;
  const auto is_bytes = [](const View& view) {  // of Kafka Connect, which writes them in either type
    const Value* type = view.node->keyword("connect.type");
    return type != nullptr && type->is_string() && type->text == "bytes";
  };
  if (is_bytes(*writer) && is_bytes(*reader)) return;
  add(out, "TYPE_CHANGED", "", words_of(*writer), words_of(*reader));
}

// A union on one side only: compatible if one of its schemas is. True: it is, and there is no more to say.
bool Comparer::through_singles(Pair pair, Outcome&) {
  const auto& [writer, reader] = pair;
  const bool writes_many = writer->type == Class::kCombined, reads_many = reader->type == Class::kCombined;
  if (writes_many == reads_many) return false;
  const View& many = reads_many ? *reader : *writer;
  const bool is_sum = many.criterion != Criterion::kAll;
  if (many.subs.size() != 1 && (reads_many ? !is_sum : is_sum)) return false;
  return std::any_of(many.subs.begin(), many.subs.end(), [&](const Sub& sub) {
    const Outcome& inner =
        reads_many ? judge(writer, of_reader().of(sub)) : judge(of_writer().of(sub), reader);
    return !inner.incompatible;
  });
}

void Comparer::same_class(Pair pair, Outcome& out) {
  switch (pair.first->type) {
    case Class::kString:
      return strings(pair, out);
    case Class::kNumber:
      return numbers(pair, out);
    case Class::kArray:
      return arrays(pair, out);
    case Class::kObject:
      return objects(pair, out);
    case Class::kEnum:
      return enums(pair, out);
    case Class::kConst:
      if (*pair.first->node->const_key != *pair.second->node->const_key)
        add(out, "ENUM_ARRAY_CHANGED", "/const", text_at(*pair.first->node, "const"),
            text_at(*pair.second->node, "const"));
      return;
    case Class::kNot:
      return nots(pair, out);
    case Class::kCombined:
      return combined(pair, out);
    case Class::kEmpty:
    case Class::kFalse:
    case Class::kBoolean:
    case Class::kNull:
    case Class::kConditional:  // the convention does not look into them
      return;
  }
}

void Comparer::bound(Outcome& out, const char* keyword, const std::string& rule,
                     std::optional<std::uint64_t> writes, std::optional<std::uint64_t> reads,
                     bool larger_reads) {
  if (!reads || writes == reads) return;
  const std::string path = std::string("/") + keyword;
  if (!writes)
    add(out, rule + "_ADDED", path, "", std::to_string(*reads));
  else if ((*reads > *writes) != larger_reads)
    add(out, rule + (larger_reads ? "_DECREASED" : "_INCREASED"), path, std::to_string(*writes),
        std::to_string(*reads));
}

void Comparer::bound(Outcome& out, const char* keyword, const std::string& rule, const Value* writes,
                     const Value* reads, bool larger_reads) {
  if (reads == nullptr) return;
  const std::string path = std::string("/") + keyword;
  if (writes == nullptr) return add(out, rule + "_ADDED", path, "", std::string(reads->text));
  const int order = compare_numbers(*reads, *writes);
  if (order != 0 && (order > 0) != larger_reads)
    add(out, rule + (larger_reads ? "_DECREASED" : "_INCREASED"), path, std::string(writes->text),
        std::string(reads->text));
}

void Comparer::strings(Pair pair, Outcome& out) {
  const Node &writer = *pair.first->node, &reader = *pair.second->node;
  bound(out, "maxLength", "MAX_LENGTH", writer.max_length, reader.max_length, true);
  bound(out, "minLength", "MIN_LENGTH", writer.min_length, reader.min_length, false);
  if (!reader.pattern) return;
  const std::string& reads = reader.pattern->expression();
  if (!writer.pattern)
    add(out, "PATTERN_ADDED", "/pattern", "", reads);
  else if (writer.pattern->expression() != reads)
    add(out, "PATTERN_CHANGED", "/pattern", writer.pattern->expression(), reads);
}

void Comparer::numbers(Pair pair, Outcome& out) {
  const Node &writer = *pair.first->node, &reader = *pair.second->node;
  bound(out, "maximum", "MAXIMUM", writer.maximum, reader.maximum, true);
  bound(out, "minimum", "MINIMUM", writer.minimum, reader.minimum, false);
  bound(out, "exclusiveMaximum", "EXCLUSIVE_MAXIMUM", writer.exclusive_maximum, reader.exclusive_maximum,
        true);
  bound(out, "exclusiveMinimum", "EXCLUSIVE_MINIMUM", writer.exclusive_minimum, reader.exclusive_minimum,
        false);
  multiple_of(pair, out);
  if (!pair.first->integer && pair.second->integer) add(out, "TYPE_NARROWED", "", "number", "integer");
}

void Comparer::multiple_of(Pair pair, Outcome& out) {
  const Value *writes = pair.first->node->multiple_of, *reads = pair.second->node->multiple_of;
  if (reads == nullptr) return;
  if (writes == nullptr) return add(out, "MULTIPLE_OF_ADDED", "/multipleOf", "", std::string(reads->text));
  if (is_multiple(*writes, *reads)) return;  // the same, or reduced
  add(out, is_multiple(*reads, *writes) ? "MULTIPLE_OF_EXPANDED" : "MULTIPLE_OF_CHANGED", "/multipleOf",
      std::string(writes->text), std::string(reads->text));
}

void Comparer::enums(Pair pair, Outcome& out) {
  const auto &writes = *pair.first->node->enum_keys, &reads = *pair.second->node->enum_keys;
  const auto has_all = [this](const std::set<std::string>& all, const std::set<std::string>& some) {
    if (some.empty() || some.size() > all.size() || !all.contains(*some.begin())) return some.empty();
    pairs_ += (all.size() + some.size()) / kValuesPerPair;
    return std::includes(all.begin(), all.end(), some.begin(), some.end());
  };
  if (has_all(reads, writes)) return;
  const bool narrowed = has_all(writes, reads);
  add(out, narrowed ? "ENUM_ARRAY_NARROWED" : "ENUM_ARRAY_CHANGED", "/enum",
      text_at(*pair.first->node, "enum"), text_at(*pair.second->node, "enum"));
}

void Comparer::nots(Pair pair, Outcome& out) {
  const View* writes = of_writer().of(pair.first->node->negated);
  const View* reads = of_reader().of(pair.second->node->negated);
  swapped_ = !swapped_;
  const bool narrowed = !judge(reads, writes).incompatible;
  swapped_ = !swapped_;
  if (!narrowed)
    add(out, "NOT_TYPE_EXTENDED", "/not", text_at(*pair.first->node, "not"),
        text_at(*pair.second->node, "not"));
}

std::vector<Difference> differences(const Schema& reader, const Schema& writer,
                                    const CompatibilityPolicy& policy) {
  return Comparer(reader, writer, policy).run();
}

}  // namespace forebay::schema::json
