#include "config/yaml_entries.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <exception>
#include <sstream>
#include <utility>

#include "config/key.h"

namespace forebay::config {
namespace {

// Thrown through the parser to stop it; never leaves this file.
struct Stop : std::exception {};

std::size_t line_of(const YAML::Mark& mark) {
  return mark.is_null() || mark.line < 0 ? 0 : static_cast<std::size_t>(mark.line) + 1;
}

// Listens to the parser's events instead of taking its tree: a tree has no bound (the parser makes endless
// documents of some texts, and aliases unfold), and events carry the line of every key.
class Flattener final : public YAML::EventHandler {
 public:
  explicit Flattener(YamlEntries& out) : out_(out) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) stop(line_of(mark), "found a second document, expected one");
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { leaf(mark, anchor, nullptr); }
  void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                const std::string& value) override {
    leaf(mark, anchor, &value);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    stop(line_of(mark), "aliases are not supported");
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    begin_container(mark, anchor, Container::kSequence);
  }
  void OnSequenceEnd() override { end_container(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    begin_container(mark, anchor, Container::kMap);
  }
  void OnMapEnd() override { end_container(); }

 private:
  enum class Container { kMap, kSequence };
  enum class Expects { kKey, kValue, kIgnoredValue };
  struct Map {
    std::string prefix;  // "" or "storage."
    Expects expects = Expects::kKey;
    std::string key;  // of the value that is expected
    std::size_t line = 0;
  };

  void leaf(const YAML::Mark& mark, YAML::anchor_t anchor, const std::string* value) {
    count(mark, anchor);
    if (ignored_depth_ > 0) return;
    if (in_list_) {
      YamlEntry& list = out_.entries.back();
      if (value == nullptr) return problem(line_of(mark), quoted_value(list.key) + ": found an empty item");
      if (list_items_++ > 0) list.value += ',';
      list.value += *value;
      return;
    }
    if (maps_.empty()) {
      if (value != nullptr) problem(line_of(mark), "found " + quoted_value(*value) + ", expected KEY: VALUE");
      return;
    }
    Map& map = maps_.back();
    switch (std::exchange(map.expects, Expects::kKey)) {
      case Expects::kKey:
        map.expects = value == nullptr ? Expects::kIgnoredValue : Expects::kValue;
        map.line = line_of(mark);
        if (value != nullptr)
          map.key = map.prefix + *value;
        else
          problem(map.line, "found a value without a key");
        break;
      case Expects::kValue:
        out_.entries.push_back({map.key, value == nullptr ? "" : *value, map.line, false});
        break;
      case Expects::kIgnoredValue:
        break;
    }
  }

  void begin_container(const YAML::Mark& mark, YAML::anchor_t anchor, Container container) {
    count(mark, anchor);
    if (ignored_depth_ > 0) {
      ++ignored_depth_;
      return;
    }
    if (in_list_) {
      return ignore(line_of(mark), quoted_value(out_.entries.back().key) +
                                       ": found a list or keys in a list, expected one value");
    }
    if (maps_.empty()) {
      if (container == Container::kMap)
        maps_.emplace_back();
      else
        ignore(line_of(mark), "found a list, expected KEY: VALUE");
      return;
    }
    Map& map = maps_.back();
    switch (std::exchange(map.expects, Expects::kKey)) {
      case Expects::kKey:
        map.expects = Expects::kIgnoredValue;
        ignore(line_of(mark), "found a key that is not a word");
        break;
      case Expects::kValue:
        if (container == Container::kSequence) {
          out_.entries.push_back({map.key, "", map.line, true});
          in_list_ = true;
          list_items_ = 0;
        } else if (maps_.size() >= kYamlDepthMax) {
          stop(map.line, "nested too deeply");
        } else {
          maps_.push_back(Map{map.key + ".", Expects::kKey, {}, 0});
        }
        break;
      case Expects::kIgnoredValue:
        ignored_depth_ = 1;
        break;
    }
  }

  void end_container() {
    if (ignored_depth_ > 0)
      --ignored_depth_;
    else if (in_list_)
      in_list_ = false;
    else if (!maps_.empty())
      maps_.pop_back();
  }

  void count(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (anchor != YAML::NullAnchor) stop(line_of(mark), "anchors are not supported");
    if (++nodes_ > 2 * kYamlEntriesMax) stop(line_of(mark), "too many keys");
  }
  void ignore(std::size_t line, std::string text) {
    problem(line, std::move(text));
    ignored_depth_ = 1;
  }
  void problem(std::size_t line, std::string text) { out_.problems.push_back({line, std::move(text)}); }
  [[noreturn]] void stop(std::size_t line, std::string text) {
    problem(line, std::move(text));
    throw Stop();
  }

  YamlEntries& out_;
  std::vector<Map> maps_;
  bool in_list_ = false;           // of the last entry
  std::size_t list_items_ = 0;     // of it
  std::size_t ignored_depth_ = 0;  // containers open inside one that is no configuration
  std::size_t nodes_ = 0;
  std::size_t documents_ = 0;
};

}  // namespace

YamlEntries read_yaml_entries(std::string_view text) {
  YamlEntries out;
  // With a newline at its end the parser takes the end of the text for the end of an open quotation.
  while (!text.empty() && std::string_view(" \t\r\n").find(text.back()) != std::string_view::npos)
    text.remove_suffix(1);
  try {
    std::istringstream in{std::string(text)};
    YAML::Parser parser(in);
    Flattener flattener(out);
    while (parser.HandleNextDocument(flattener)) {
    }
  } catch (const Stop&) {
    // The problem is in the list.
  } catch (const YAML::Exception& error) {
    out.problems.push_back({line_of(error.mark), "not valid YAML: " + error.msg});
  } catch (const std::exception& error) {
    out.problems.push_back({0, std::string("cannot be read: ") + error.what()});
  }
  return out;
}

}  // namespace forebay::config
