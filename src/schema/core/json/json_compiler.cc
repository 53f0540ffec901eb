#include "schema/core/json/json_compiler.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <utility>

#include "schema/core/json/json_keywords.h"
#include "schema/core/json/json_meta.h"
#include "schema/core/json/json_uri.h"

namespace forebay::schema::json {
namespace {

constexpr std::size_t kPointerBytesMax = 512;  // kept of a place, for messages
constexpr std::size_t kUriBytesMax = 2048;     // each schema below it has a copy
// Schemas in use have fewer, and some of those name letters of all alphabets, which are large.
constexpr std::size_t kLargePatterns = 32, kLargePatternBytes = 2U << 20, kPatternBytes = 256U << 10;

Error invalid(const std::string& pointer, const std::string& what) {
  return Error{ErrorCode::kInvalidArgument, "at " + place_of(pointer) + ": " + what};
}

Error too_long(const std::string& what) {
  return Error{ErrorCode::kRecordTooLarge,
               what + " has more than " + std::to_string(kUriBytesMax) + " bytes"};
}

std::string stepped(const std::string& pointer, std::string_view name) {
  std::string all = pointer + pointer_step(name.substr(0, kPointerBytesMax));
  if (all.size() > kPointerBytesMax) all = "..." + all.substr(all.size() - kPointerBytesMax / 2);
  return all;
}

// Where a subschema stands.
struct Place {
  Draft draft = Draft::k7;
  std::uint32_t resource = 0;
  std::string base;  // URI that references are relative to
  std::string pointer;
  std::size_t document = 0;
};

class Compiler {
 public:
  Compiler(const std::vector<NamedText>& references, const Limits& limits)
      : references_(references), limits_(limits) {}

  Result<Schema> run(std::string_view text) {
    FOREBAY_CHECK(add_document(text, "the schema", "", std::nullopt));
    schema_.root = root_nodes_.front();
    const std::string root_uri = schema_.resources.front().uri;
    for (const NamedText& reference : references_) {
      if (reference.name.size() > kUriBytesMax) return too_long("the name of a reference");
      const auto added = add_document(reference.text, "the reference \"" + reference.name + "\"",
                                      resolve_uri(root_uri, reference.name).document, draft_);
      if (!added) return added.error();
      // By the name as it stands, too: what refers to it may have a base of its own.
      uris_.emplace(resolve_uri("", reference.name).document, schema_.nodes[root_nodes_.back()].resource);
    }
    for (std::size_t i = 0; i < pending_.size(); ++i) FOREBAY_CHECK(resolve(Pending(pending_[i])));
    FOREBAY_CHECK(check_no_loop(schema_));
    for (const Node& node : schema_.nodes) schema_.memory_bytes += node.pointer.size() + sizeof(Node);
    return std::move(schema_);
  }

 private:
  enum class RefKind : std::uint8_t { kPlain, kRecursive, kDynamic };
  struct Pending {
    NodeId node;
    RefKind kind;
    std::string_view text;
    Place place;
  };

  // `uri`: where it would be fetched, were it fetched. `draft`: without "$schema"; none: this is the schema.
  Result<void> add_document(std::string_view text, const std::string& what, const std::string& uri,
                            std::optional<Draft> draft) {
    FOREBAY_TRY(auto parsed, Document::parse(text, what, {limits_.text_bytes_max, limits_.depth_max}));
    schema_.memory_bytes += parsed.memory_bytes();
    schema_.documents.push_back(std::make_unique<Document>(std::move(parsed)));
    const Value& root = schema_.documents.back()->root();
    const auto in_document = [&](const Error& error) {
      return Error{error.code, what + ", " + error.context};
    };
    Place place;
    place.document = schema_.documents.size() - 1;
    place.draft = draft.value_or(Draft::k7);
    if (const Value* named = root.find("$schema"); named != nullptr && named->is_string()) {
      if (named->text.find("://json-schema.org/") != std::string_view::npos && !draft_named(named->text))
        return in_document(invalid("/$schema", described(*named, 200) +
                                                   " is no draft that is known here; use " + draft_uris() +
                                                   ", or leave it away for draft 7"));
      place.draft = draft_behind(named->text);
    }
    if (!draft) draft_ = place.draft;
    place.base = uri;
    place.resource = add_resource(uri);
    auto node = scan(root, place);
    if (!node) return in_document(node.error());
    schema_.resources[place.resource].root = *node;
    root_nodes_.push_back(*node);
    return {};
  }

  // That of a published meta-schema; of one's own: the draft that it is written in itself, if it is one of
  // the references, else draft 7, as in other registries.
  Draft draft_behind(std::string_view uri) const {
    std::string own;
    for (std::size_t hops = 0; hops < 10; ++hops) {
      if (const auto known = draft_named(uri)) return *known;
      const auto found = std::find_if(references_.begin(), references_.end(),
                                      [&](const NamedText& one) { return one.name == uri; });
      if (found == references_.end()) break;
      const auto meta = Document::parse(found->text, "", {limits_.text_bytes_max, limits_.depth_max});
      const Value* next = meta ? meta->root().find("$schema") : nullptr;
      if (next == nullptr || !next->is_string()) break;
      own = next->text;
      uri = own;
    }
    return Draft::k7;
  }

  std::uint32_t add_resource(const std::string& uri) {
    const auto index = static_cast<std::uint32_t>(schema_.resources.size());
    schema_.resources.push_back({uri, false, {}, kNoNode});
    uris_.emplace(uri, index);
    return index;
  }

  Result<NodeId> scan(const Value& value, Place place) {
    if (const auto known = compiled_.find(&value); known != compiled_.end()) return known->second;
    if (!value.is_object() && !(value.is_boolean() && (place.draft >= Draft::k6 || bool_fits_)))
      return invalid(place.pointer, described(value) + "; it must be a schema: an object" +
                                        (place.draft >= Draft::k6 ? ", true or false" : ""));
    if (schema_.nodes.size() >= limits_.types_max)
      return Error{ErrorCode::kRecordTooLarge, "the schema with all that it refers to has more than " +
                                                   std::to_string(limits_.types_max) + " subschemas"};
    const auto id = static_cast<NodeId>(schema_.nodes.size());
    schema_.nodes.emplace_back();
    compiled_.emplace(&value, id);
    Node node;
    node.source = &value;
    node.draft = place.draft;
    if (value.is_boolean()) {
      node.verdict = value.boolean;
    } else {
      FOREBAY_CHECK(check_keywords(value, place.draft, place.pointer));
      FOREBAY_CHECK(name(value, place, id));
      FOREBAY_CHECK(fill(value, place, id, node));
    }
    node.resource = place.resource;
    node.pointer = std::move(place.pointer);
    schema_.nodes[id] = std::move(node);
    return id;
  }

  // Takes the names that others refer to it by: ids and anchors.
  Result<void> name(const Value& value, Place& place, NodeId id) {
    const bool is_new = place.draft >= Draft::k2019;
    if (!is_new && value.find("$ref") != nullptr) return {};  // what stands beside a reference says nothing
    if (const Value* text = value.find(place.draft == Draft::k4 ? "id" : "$id")) {
      const Uri uri = resolve_uri(place.base, text->text);
      const bool is_anchor = text->text.starts_with('#');
      if (text->text.size() > kUriBytesMax || uri.document.size() > kUriBytesMax)
        return too_long("the id at " + place_of(place.pointer));
      if (is_new && !uri.fragment.empty())
        return invalid(stepped(place.pointer, "$id"),
                       described(*text, 200) + "; it must be a URI without a fragment; use \"$anchor\"");
      if (!is_anchor && uri.document != place.base) {
        const auto taken = uris_.find(uri.document);
        if (taken != uris_.end() && taken->second != place.resource && !is_same(taken->second, value))
          return invalid(place.pointer,
                         "the id \"" + uri.document + "\" is there twice, for different schemas");
        // The root keeps the one resource it has; it is known by both URIs.
        if (place.pointer.empty() && schema_.resources[place.resource].root == kNoNode) {
          schema_.resources[place.resource].uri = uri.document;
          uris_.emplace(uri.document, place.resource);
        } else {
          place.resource = add_resource(uri.document);
        }
        place.base = uri.document;
        schema_.resources[place.resource].root = id;
      }
      if (!uri.fragment.empty() && !uri.fragment.starts_with('/'))
        anchors_[{place.resource, uri.fragment}] = id;
    }
    if (!is_new) return {};
    if (const Value* anchor = value.find("$anchor"))
      anchors_[{place.resource, std::string(anchor->text)}] = id;
    const Value* dynamic = place.draft == Draft::k2020 ? value.find("$dynamicAnchor") : nullptr;
    if (dynamic != nullptr) {
      anchors_[{place.resource, std::string(dynamic->text)}] = id;
      schema_.resources[place.resource].dynamic_anchors[std::string(dynamic->text)] = id;
    }
    const Value* recursive = place.draft == Draft::k2019 ? value.find("$recursiveAnchor") : nullptr;
    if (recursive != nullptr && recursive->boolean) schema_.resources[place.resource].recursive_anchor = true;
    return {};
  }

  bool is_same(std::uint32_t resource, const Value& value) const {
    const NodeId root = schema_.resources[resource].root;
    const Value* other = root == kNoNode ? nullptr : schema_.nodes[root].source;
    return other != nullptr && to_text(*other, true) == to_text(value, true);
  }

  Result<void> fill(const Value& value, const Place& place, NodeId id, Node& node) {
    const bool ref_alone = place.draft < Draft::k2019 && value.find("$ref") != nullptr;
    for (std::size_t i = 0; i < value.items.size(); ++i) {
      const std::string_view keyword = value.names[i];
      const Value& one = value.items[i];
      if (keyword == "$ref") {
        pending_.push_back({id, RefKind::kPlain, one.text, place});
        continue;
      }
      if (ref_alone && keyword != "definitions") continue;
      Place at = place;
      at.pointer = stepped(place.pointer, keyword);
      const Holds held = holds(keyword, place.draft);
      if (held != Holds::kNothing)
        FOREBAY_CHECK(fill_schemas(keyword, held, one, at, node));
      else if (keyword == "$recursiveRef" && place.draft == Draft::k2019)
        pending_.push_back({id, RefKind::kRecursive, one.text, place});
      else if (keyword == "$dynamicRef" && place.draft == Draft::k2020)
        pending_.push_back({id, RefKind::kDynamic, one.text, place});
      else
        FOREBAY_CHECK(fill_plain(keyword, value, one, at, node));
    }
    if (!ref_alone) finish(value, node);
    return {};
  }

  Result<void> fill_schemas(std::string_view keyword, Holds held, const Value& one, const Place& place,
                            Node& node) {
    switch (held) {
      case Holds::kNothing:
        return {};
      case Holds::kMembers:
      case Holds::kDependencies:
        return fill_members(keyword, one, place, node);
      case Holds::kSchemas:
        return fill_array(keyword, one, place, node);
      case Holds::kItems:
        if (one.is_array()) return fill_array(keyword, one, place, node);
        break;
      case Holds::kSchema:
      case Holds::kSchemaOrBool:
        break;
    }
    bool_fits_ = held == Holds::kSchemaOrBool;
    auto child = scan(one, place);
    bool_fits_ = false;
    if (!child) return child.error();
    for (const auto& [name, field] : {std::pair{"not", &Node::negated},
                                      {"if", &Node::if_},
                                      {"then", &Node::then_},
                                      {"else", &Node::else_},
                                      {"items", &Node::items},
                                      {"additionalItems", &Node::additional_items},
                                      {"contains", &Node::contains},
                                      {"unevaluatedItems", &Node::unevaluated_items},
                                      {"additionalProperties", &Node::additional_properties},
                                      {"propertyNames", &Node::property_names},
                                      {"unevaluatedProperties", &Node::unevaluated_properties}})
      if (keyword == name) node.*field = *child;
    if (keyword.starts_with("unevaluated")) schema_.uses_unevaluated = true;
    return {};
  }

  Result<void> fill_array(std::string_view keyword, const Value& one, const Place& place, Node& node) {
    std::vector<NodeId> all;
    for (std::size_t i = 0; i < one.items.size(); ++i) {
      Place at = place;
      at.pointer = stepped(place.pointer, std::to_string(i));
      FOREBAY_TRY(const NodeId child, scan(one.items[i], std::move(at)));
      all.push_back(child);
    }
    if (keyword == "allOf") {
      node.all_of = std::move(all);
    } else if (keyword == "anyOf") {
      node.any_of = std::move(all);
    } else if (keyword == "oneOf") {
      node.one_of = std::move(all);
    } else {
      node.has_tuple = true;
      node.tuple = std::move(all);
    }
    return {};
  }

  Result<void> fill_members(std::string_view keyword, const Value& one, const Place& place, Node& node) {
    for (std::size_t i = 0; i < one.items.size(); ++i) {
      const std::string name(one.names[i]);
      Place at = place;
      at.pointer = stepped(place.pointer, name);
      if (one.items[i].is_array()) {
        node.dependencies.push_back({name, strings(one.items[i]), kNoNode});
        continue;
      }
      const std::string pointer = at.pointer;
      FOREBAY_TRY(const NodeId child, scan(one.items[i], std::move(at)));
      if (keyword == "properties") {
        node.properties.push_back({name, child});
      } else if (keyword == "patternProperties") {
        FOREBAY_TRY(auto pattern, compiled(name, pointer));
        node.pattern_properties.push_back({std::move(pattern), child});
      } else if (keyword == "dependencies" || keyword == "dependentSchemas") {
        node.dependencies.push_back({name, {}, child});
      }
    }
    return {};
  }

  static std::vector<std::string> strings(const Value& array) {
    std::vector<std::string> all;
    for (const Value& one : array.items) all.emplace_back(one.text);
    return all;
  }

  Result<std::shared_ptr<const Pattern>> compiled(const std::string& expression, const std::string& pointer) {
    if (const auto known = patterns_.find(expression); known != patterns_.end()) return known->second;
    if (patterns_.size() >= limits_.patterns_max)
      return Error{ErrorCode::kRecordTooLarge, "the schema has more than " +
                                                   std::to_string(limits_.patterns_max) +
                                                   " different regular expressions"};
    const bool is_early = patterns_.size() < kLargePatterns;
    auto pattern = Pattern::compile(expression, is_early ? kLargePatternBytes : kPatternBytes);
    if (!pattern) return invalid(pointer, pattern.error().context);
    schema_.memory_bytes += (*pattern)->memory_bytes();
    patterns_.emplace(expression, *pattern);
    return pattern;
  }

  Result<void> fill_plain(std::string_view keyword, const Value& schema, const Value& one, const Place& place,
                          Node& node) {
    const auto count = [&] { return static_cast<std::uint64_t>(one.number); };
    for (const auto& [name, field] : {std::pair{"minLength", &Node::min_length},
                                      {"maxLength", &Node::max_length},
                                      {"minItems", &Node::min_items},
                                      {"maxItems", &Node::max_items},
                                      {"minProperties", &Node::min_properties},
                                      {"maxProperties", &Node::max_properties}})
      if (keyword == name) node.*field = count();
    const bool is_new = place.draft >= Draft::k2019;
    if (is_new && keyword == "minContains") node.min_contains = count();
    if (is_new && keyword == "maxContains") node.max_contains = count();
    if (keyword == "minimum") node.minimum = &one;
    if (keyword == "maximum") node.maximum = &one;
    if (keyword == "multipleOf") node.multiple_of = &one;
    if (keyword == "exclusiveMinimum") node.exclusive_minimum = limit(schema, one, "minimum");
    if (keyword == "exclusiveMaximum") node.exclusive_maximum = limit(schema, one, "maximum");
    if (keyword == "uniqueItems") node.unique_items = one.boolean;
    if (keyword == "required") node.required = strings(one);
    if (keyword == "pattern") {
      FOREBAY_TRY(node.pattern, compiled(std::string(one.text), place.pointer));
    }
    if (keyword == "type")
      node.type_order = one.is_array() ? strings(one) : std::vector<std::string>{std::string(one.text)};
    if (keyword == "const" && place.draft >= Draft::k6) node.const_key = key_of(one);
    if (keyword == "enum") {
      node.enum_keys.emplace();
      for (const Value& value : one.items) node.enum_keys->insert(key_of(value));
    }
    if (is_new && keyword == "dependentRequired")
      for (std::size_t i = 0; i < one.items.size(); ++i)
        node.dependencies.push_back({std::string(one.names[i]), strings(one.items[i]), kNoNode});
    return {};
  }

  // Draft 4 has the number in the other keyword.
  static const Value* limit(const Value& schema, const Value& one, std::string_view other) {
    if (!one.is_boolean()) return &one;
    return one.boolean ? schema.find(other) : nullptr;
  }

  static void finish(const Value& value, Node& node) {
    for (const std::string& type : node.type_order)
      for (const TypeName& one : kTypeNames)
        if (type == one.name) node.types |= one.bit;
    const auto by_name = [](const auto& a, const auto& b) { return a.name < b.name; };
    std::sort(node.properties.begin(), node.properties.end(), by_name);
    std::stable_sort(node.dependencies.begin(), node.dependencies.end(), by_name);
    std::sort(node.required.begin(), node.required.end());
    if (node.draft == Draft::k2020 && value.find("prefixItems") == nullptr) node.has_tuple = false;
    // Up to 2019-09 what follows a tuple has a keyword of its own.
    if (node.draft < Draft::k2020 && node.has_tuple) node.items = node.additional_items;
  }

  // --- references ---

  Result<void> resolve(const Pending& pending) {
    FOREBAY_TRY(const NodeId target, find(pending));
    Node& node = schema_.nodes[pending.node];
    if (pending.kind == RefKind::kPlain) {
      node.ref = target;
      return {};
    }
    node.dynamic_ref = target;
    const Resource& resource = schema_.resources[schema_.nodes[target].resource];
    if (pending.kind == RefKind::kRecursive) {
      if (resource.recursive_anchor && resource.root == target) node.dynamic_name = "#";
      return {};
    }
    const std::string fragment = percent_decoded(resolve_uri("", pending.text).fragment);
    const auto anchor = resource.dynamic_anchors.find(fragment);
    if (anchor != resource.dynamic_anchors.end() && anchor->second == target) node.dynamic_name = fragment;
    return {};
  }

  Result<NodeId> find(const Pending& pending) {
    if (pending.text.size() > kUriBytesMax)
      return too_long("the reference at " + place_of(pending.place.pointer));
    const Uri uri = resolve_uri(pending.place.base, pending.text);
    const std::string pointer = stepped(pending.place.pointer, "$ref");
    const auto resource = resource_at(uri, pending);
    if (!resource) return resource.error();
    const std::string fragment = percent_decoded(uri.fragment);
    const NodeId root = schema_.resources[*resource].root;
    if (fragment.empty()) return root;
    if (fragment.front() == '/') return follow(root, fragment, pending);
    if (const auto anchor = anchors_.find({*resource, fragment}); anchor != anchors_.end())
      return anchor->second;
    return leads_nowhere(pending, "no schema there has the anchor \"" + fragment + "\"");
  }

  Result<std::uint32_t> resource_at(const Uri& uri, const Pending& pending) {
    if (const auto known = uris_.find(uri.document); known != uris_.end()) return known->second;
    const std::string written = resolve_uri("", pending.text).document;
    if (const auto known = uris_.find(written); !written.empty() && known != uris_.end())
      return known->second;
    const std::string_view meta = meta_schema_at(uri.document);
    if (meta.empty()) return leads_nowhere(pending, "nothing is known by \"" + uri.document + "\"");
    FOREBAY_CHECK(add_document(meta, "the meta-schema " + uri.document, uri.document, Draft::k7));
    return schema_.nodes[root_nodes_.back()].resource;
  }

  Error leads_nowhere(const Pending& pending, const std::string& why) const {
    std::string known;
    for (const NamedText& reference : references_) known += ", \"" + reference.name + "\"";
    for (const auto& [uri, resource] : uris_)
      if (!uri.empty() && known.size() < 2000 && known.find("\"" + uri + "\"") == std::string::npos)
        known += ", \"" + uri + "\"";
    return invalid(stepped(pending.place.pointer, "$ref"),
                   "\"" + std::string(pending.text.substr(0, 300)) + "\" leads nowhere: " + why +
                       "; it must be a place in the schema (#/definitions/NAME, #/$defs/NAME)" +
                       (known.empty() ? ", and there are no references to other schemas"
                                      : " or one of " + known.substr(2)));
  }

  Result<NodeId> follow(NodeId root, const std::string& fragment, const Pending& pending) {
    const Value* at = schema_.nodes[root].source;
    NodeId around = root;
    std::string pointer = schema_.nodes[root].pointer;
    for (std::size_t begin = 1; begin <= fragment.size();) {
      const std::size_t end = std::min(fragment.find('/', begin), fragment.size());
      const std::string step = pointer_step_read(std::string_view(fragment).substr(begin, end - begin));
      begin = end + 1;
      const Value* next = at->find(step);
      if (at->is_array()) {
        std::size_t index = 0;
        const auto read = std::from_chars(step.data(), step.data() + step.size(), index);
        const bool is_index = read.ec == std::errc() && read.ptr == step.data() + step.size();
        next = is_index && index < at->items.size() ? &at->items[index] : nullptr;
      }
      if (next == nullptr)
        return leads_nowhere(pending, place_of(pointer) + " has no \"" + step.substr(0, 100) + "\"");
      at = next;
      pointer = stepped(pointer, step);
      if (const auto known = compiled_.find(at); known != compiled_.end()) around = known->second;
    }
    Place place;
    place.draft = schema_.nodes[around].draft;
    place.resource = schema_.nodes[around].resource;
    place.base = schema_.resources[place.resource].uri;
    place.pointer = std::move(pointer);
    return scan(*at, std::move(place));
  }

  const std::vector<NamedText>& references_;
  const Limits limits_;
  Schema schema_;
  Draft draft_ = Draft::k7;
  bool bool_fits_ = false;  // for the next scan(): true and false are schemas even in draft 4
  std::vector<NodeId> root_nodes_;
  std::map<std::string, std::uint32_t> uris_;
  std::map<std::pair<std::uint32_t, std::string>, NodeId> anchors_;
  std::map<const Value*, NodeId> compiled_;
  std::map<std::string, std::shared_ptr<const Pattern>> patterns_;
  std::vector<Pending> pending_;
};

}  // namespace

Result<Schema> compile(std::string_view text, const std::vector<NamedText>& references,
                       const Limits& limits) {
  return Compiler(references, limits).run(text);
}

}  // namespace forebay::schema::json
