#include "http/registry_pages.h"

#include <algorithm>
#include <memory>

#include "http/registry_handlers.h"

namespace forebay::http {
namespace {

constexpr std::uint64_t kPageMax = 10'000;

// One list on its way. Each page asks for the next one when it is there.
template <typename Request, typename Item>
struct Walk {
  Exchange exchange;
  Request request;
  Window left;
  std::vector<Item> items;
  std::size_t bytes = 0;
  std::function<void(Exchange&, const std::vector<Item>&)> then;

  void finish() { then(exchange, items); }
};

using SubjectsWalk = Walk<v1::ListSubjectsRequest, std::string>;
using VersionsWalk = Walk<v1::ListSchemaVersionsRequest, v1::SchemaVersion>;

void step(const std::shared_ptr<SubjectsWalk>& walk);
void step(const std::shared_ptr<VersionsWalk>& walk);

// Takes one item; false: the window is full.
template <typename W, typename Item>
bool take(W& walk, Item&& item) {
  if (walk.left.offset > 0) {
    --walk.left.offset;
    return true;
  }
  walk.items.push_back(std::forward<Item>(item));
  return --walk.left.limit > 0;
}

// A failure within ends the exchange; the walk lives until its last call is answered.
template <typename W, typename Page>
schema::Done<Page> page_taken(const std::shared_ptr<W>& walk, std::function<bool(W&, Page&)> take_page) {
  return [walk, take_page = std::move(take_page)](Result<Page> page) {
    if (!page) return walk->exchange.fail(page.error());
    try {
      if (!take_page(*walk, *page)) return;
      if (walk->left.limit == 0 || !page->more()) return walk->finish();
      step(walk);
    } catch (const std::exception& error) {
      fail_unexpected(walk->exchange, error.what());
    }
  };
}

void step(const std::shared_ptr<SubjectsWalk>& walk) {
  walk->request.set_count_max(
      static_cast<std::uint32_t>(std::min(kPageMax, walk->left.offset + walk->left.limit)));
  walk->exchange.calls().list_subjects(walk->request,
                                       page_taken<SubjectsWalk, v1::ListSubjectsResponse>(
                                           walk, [](SubjectsWalk& one, v1::ListSubjectsResponse& page) {
                                             if (page.subjects_size() > 0)
                                               one.request.set_after(page.subjects(page.subjects_size() - 1));
                                             for (std::string& subject : *page.mutable_subjects())
                                               if (!take(one, std::move(subject))) break;
                                             return true;
                                           }));
}

bool take_versions(VersionsWalk& walk, v1::ListSchemaVersionsResponse& page) {
  for (v1::SchemaVersion& version : *page.mutable_versions()) {
    walk.request.set_after_subject(version.subject());
    walk.request.set_after_version(version.version());
    walk.bytes += version.schema().text().size();
    if (walk.bytes > kTextsBytesMax) {
      walk.exchange.fail(RestError{422, "these schemas have more than " +
                                            std::to_string(kTextsBytesMax >> 20U) +
                                            " MiB together; ask for fewer of them with ?offset=&limit="});
      return false;
    }
    if (!take(walk, std::move(version))) break;
  }
  return true;
}

void step(const std::shared_ptr<VersionsWalk>& walk) {
  v1::ListSchemaVersionsRequest request = walk->request;
  // What is passed over is not sent.
  const bool passing = walk->left.offset > 0;
  if (passing) request.set_with_schemas(false);
  request.set_count_max(
      static_cast<std::uint32_t>(std::min(kPageMax, passing ? walk->left.offset : walk->left.limit)));
  walk->exchange.calls().list_schema_versions(
      std::move(request), page_taken<VersionsWalk, v1::ListSchemaVersionsResponse>(walk, take_versions));
}

}  // namespace

OrRestError<Window> window_of(const Exchange& exchange, std::int32_t max) {
  std::int32_t numbers[] = {0, -1};
  const char* names[] = {"offset", "limit"};
  for (std::size_t i = 0; i < 2; ++i) {
    const std::string text = exchange.text_parameter(names[i]);
    if (text.empty()) continue;
    const auto number = number_of(text, names[i], 400);
    if (const auto* error = std::get_if<RestError>(&number)) return *error;
    numbers[i] = std::get<std::int32_t>(number);
  }
  return Window{static_cast<std::uint64_t>(std::max(numbers[0], 0)),
                static_cast<std::uint64_t>(numbers[1] <= 0 ? max : std::min(numbers[1], max))};
}

void collect_subjects(Exchange exchange, v1::ListSubjectsRequest request, Window window,
                      std::function<void(Exchange&, const std::vector<std::string>&)> then) {
  step(std::make_shared<SubjectsWalk>(
      SubjectsWalk{std::move(exchange), std::move(request), window, {}, 0, std::move(then)}));
}

void collect_versions(Exchange exchange, v1::ListSchemaVersionsRequest request, Window window,
                      std::function<void(Exchange&, const Versions&)> then) {
  step(std::make_shared<VersionsWalk>(
      VersionsWalk{std::move(exchange), std::move(request), window, {}, 0, std::move(then)}));
}

}  // namespace forebay::http
