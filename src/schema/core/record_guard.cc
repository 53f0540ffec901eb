#include "schema/core/record_guard.h"

#include <algorithm>

#include "base/endian.h"
#include "schema/core/registry_error.h"
#include "schema/core/subject_name.h"

namespace forebay::schema {
namespace {

using config::SchemaValidation;
using config::SubjectStrategy;

std::string mark_text(const SchemaMark& mark) {
  return mark.is_guid() ? "the schema with GUID " + mark.guid.to_string()
                        : "schema id " + std::to_string(mark.id);
}

// The latest first.
std::vector<SchemaId> ids_of(const RegistryImage& image, const std::string& subject) {
  std::vector<SchemaId> ids;
  const Subject* known = image.subject(subject);
  if (known == nullptr) return ids;
  for (auto at = known->versions.rbegin(); at != known->versions.rend() && ids.size() < kExpectedShown;
       ++at) {
    if (!at->second.deleted) ids.push_back(at->second.id);
  }
  return ids;
}

// As it is registered under: the topic's own name for it may be an alias.
std::string meant(const ImageAccess& access, std::string subject) {
  access.look([&subject](const RegistryImage& image) {
    if (const auto name = subject_meant(image, subject)) subject = name->qualified();
  });
  return subject;
}

bool belongs(const RegistryImage& image, const std::string& subject, SchemaId id) {
  if (context_of(subject) != kDefaultContext)
    return false;  // the ids of records are those of the default one
  const SchemaUse* use = image.use(context_of(subject), id);
  if (use == nullptr) return false;
  for (auto at = use->versions.lower_bound({subject, 0}); at != use->versions.end() && at->first == subject;
       ++at) {
    const Version* version = image.version(subject, at->second);
    if (version != nullptr && !version->deleted) return true;
  }
  return false;
}

}  // namespace

std::string_view rule_name(Violation::Rule rule) {
  switch (rule) {
    case Violation::Rule::kNoSchema:
      return "no-schema";
    case Violation::Rule::kUnknownSchema:
      return "unknown-schema";
    case Violation::Rule::kNotOfSubject:
      return "not-of-subject";
    case Violation::Rule::kPayload:
      return "payload";
  }
  return "?";
}

std::string Violation::to_string() const {
  std::string text = is_key ? "key: " : "value: ";
  text += found;
  if (rule == Rule::kPayload) {
    text += ", at '" + (fault.path.empty() ? std::string("(the whole)") : fault.path) + "' found " +
            fault.found + ", expected " + fault.expected +
            "; mend the record, or register a schema that allows it for subject '" + subject + "'";
    return text;
  }
  if (subject.empty()) return text;
  text += "; subject '" + subject + "' ";
  if (expected.empty()) return text + "has no schema: register one with 'forebay schema register'";
  text += "expects one of the ids";
  for (const SchemaId id : expected) text += " " + std::to_string(id);
  return text + ", the latest first";
}

std::optional<Violation> RecordGuard::check(const model::RecordView& record, bool with_payload) {
  if (rules_.validation == SchemaValidation::kNone) return std::nullopt;
  if (record.key && rules_.key != SubjectStrategy::kNone) {
    if (auto broken = check_part(*record.key, record, true, rules_.key, with_payload)) return broken;
  }
  if (!record.value || rules_.value == SubjectStrategy::kNone) return std::nullopt;
  return check_part(*record.value, record, false, rules_.value, with_payload);
}

std::optional<Violation> RecordGuard::check_part(ByteSpan part, const model::RecordView& record, bool is_key,
                                                 SubjectStrategy strategy, bool with_payload) {
  LastGood& last = last_good_.at(is_key ? 1 : 0);
  if (says(last, part, record.headers)) {
    if (last.count != nullptr) ++*last.count;
    return std::nullopt;
  }
  const auto mark = read_mark(part, record.headers, is_key);
  if (!mark)
    return violation(Violation::Rule::kNoSchema, is_key, topic_subject(is_key, strategy),
                     mark.error().context);
  Known& known = look_up(*mark);
  if (known.stored == nullptr)
    return violation(Violation::Rule::kUnknownSchema, is_key, topic_subject(is_key, strategy),
                     "found " + mark_text(*mark) + ", which is not registered");
  std::uint64_t* const count = is_key ? nullptr : &seen_[known.stored->id];
  if (count != nullptr) ++*count;
  // Only these need to know which message it is.
  const bool wants_path =
      known.stored->content.format == Format::kProtobuf &&
      (strategy != SubjectStrategy::kTopic || rules_.validation == SchemaValidation::kPayload);
  MarkedPayload marked;
  if (wants_path || rules_.validation == SchemaValidation::kPayload) {
    auto read = read_payload(*mark, known.stored->content.format);
    if (!read)
      return violation(Violation::Rule::kNoSchema, is_key, topic_subject(is_key, strategy),
                       read.error().context);
    marked = std::move(*read);
  }
  if (auto broken = check_subject(known, is_key, strategy, marked.path)) return broken;
  if (rules_.validation == SchemaValidation::kId) {
    if (!mark->is_guid() && !wants_path) last = {mark->id, count};
    return std::nullopt;
  }
  if (!with_payload) return std::nullopt;
  if (known.parsed == nullptr) {
    auto parsed = schemas_.parsed(access_, known.stored);
    if (!parsed)
      return violation(Violation::Rule::kUnknownSchema, is_key, topic_subject(is_key, strategy),
                       "found " + mark_text(*mark) + ", and " + parsed.error().context);
    known.parsed = std::move(*parsed);
  }
  auto fault = known.parsed->check(marked.payload, marked.path);
  if (!fault) return std::nullopt;
  Violation broken = violation(Violation::Rule::kPayload, is_key, topic_subject(is_key, strategy),
                               "found a payload that is no value of " + mark_text(*mark));
  broken.fault = std::move(*fault);
  return broken;
}

// Without a header that might say another one.
bool RecordGuard::says(const LastGood& last, ByteSpan part, const model::HeadersView& headers) {
  return last.id != 0 && headers.empty() && part.size() >= kIdPrefixBytes && part.front() == kIdMagic &&
         load_be<std::uint32_t>(part.data() + 1) == static_cast<std::uint32_t>(last.id);
}

RecordGuard::Known& RecordGuard::look_up(const SchemaMark& mark) {
  const auto [at, is_new] = known_.try_emplace(Mark{mark.id, mark.guid});
  if (!is_new) return at->second;
  access_.look([&](const RegistryImage& image) {
    if (!mark.is_guid()) {
      at->second.stored = image.schema(std::string(kDefaultContext), mark.id);
      return;
    }
    const auto known = image.by_guid.find(mark.guid);
    if (known == image.by_guid.end()) return;
    for (const auto& [context, id] : known->second)
      if (context == kDefaultContext) at->second.stored = image.schema(context, id);
  });
  return at->second;
}

std::optional<Violation> RecordGuard::check_subject(Known& known, bool is_key, SubjectStrategy strategy,
                                                    MessagePath path) {
  std::vector<std::uint32_t> key(path.begin(), path.end());
  key.push_back(is_key ? 1U : 0U);  // the same schema may be a key's and a value's
  const auto [at, is_new] = known.by_path.try_emplace(std::move(key));
  if (!is_new) return at->second;
  std::string subject = topic_subject(is_key, strategy);
  if (strategy != SubjectStrategy::kTopic) {
    if (known.parsed == nullptr) {
      auto parsed = schemas_.parsed(access_, known.stored);
      if (parsed) known.parsed = std::move(*parsed);
    }
    const auto name =
        known.parsed == nullptr ? Result<std::string>(Error{}) : known.parsed->record_name(path);
    if (!name || name->empty())
      return at->second =
                 violation(Violation::Rule::kNotOfSubject, is_key, "",
                           "found schema id " + std::to_string(known.stored->id) +
                               ", which describes nothing that has a name; the topic's subject strategy "
                               "needs one");
    subject = strategy == SubjectStrategy::kRecord ? *name : rules_.topic + "-" + *name;
  }
  if (strategy != SubjectStrategy::kTopic) subject = meant(access_, std::move(subject));
  bool is_of_it = false;
  access_.look([&](const RegistryImage& image) { is_of_it = belongs(image, subject, known.stored->id); });
  if (is_of_it) return std::nullopt;
  const std::string found = "found schema id " + std::to_string(known.stored->id);
  if (context_of(subject) != kDefaultContext)
    return at->second =
               violation(Violation::Rule::kNotOfSubject, is_key, "",
                         found + " of the default context; the topic's subject is an alias of '" + subject +
                             "', in another one, whose ids no record can say: let it mean a subject of the "
                             "default one");
  return at->second = violation(Violation::Rule::kNotOfSubject, is_key, subject,
                                found + ", which is not a version of that subject");
}

std::string RecordGuard::topic_subject(bool is_key, SubjectStrategy strategy) const {
  if (strategy != SubjectStrategy::kTopic) return {};
  return meant(access_, rules_.topic + (is_key ? "-key" : "-value"));
}

Violation RecordGuard::violation(Violation::Rule rule, bool is_key, std::string subject,
                                 std::string found) const {
  Violation broken{.rule = rule, .is_key = is_key, .subject = std::move(subject), .found = std::move(found)};
  if (!broken.subject.empty())
    access_.look([&](const RegistryImage& image) { broken.expected = ids_of(image, broken.subject); });
  return broken;
}

}  // namespace forebay::schema
