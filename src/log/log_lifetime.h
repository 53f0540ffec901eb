// Completions outlive the objects that asked for them: a completion that comes after its owner is gone does
// nothing.
#pragma once

#include <memory>
#include <utility>

namespace forebay::log {

// A member of the owner (the last one, so that it goes first). Owner and completions on one shard.
class Lifetime {
 public:
  // Wraps a callable that returns nothing: called only while this object lives.
  template <typename F>
  [[nodiscard]] auto guard(F function) const {
    return
        [alive = std::weak_ptr<const char>(token_), function = std::move(function)](auto&&... args) mutable {
          if (!alive.expired()) function(std::forward<decltype(args)>(args)...);
        };
  }

 private:
  std::shared_ptr<const char> token_ = std::make_shared<const char>('\0');
};

}  // namespace forebay::log
