// What every client checks of its options before it starts.
#pragma once

#include <string_view>

#include "forebay/client_options.h"
#include "forebay/producer.h"

namespace forebay::client {

// Errors: kInvalidArgument unless `entry` is HOST:PORT.
[[nodiscard]] Result<void> check_server(std::string_view entry);
// Errors: kInvalidArgument, naming the option.
[[nodiscard]] Result<void> check_client_options(const ClientOptions& options);

// Errors: kInvalidArgument, naming the option.
[[nodiscard]] Result<void> check_producer_options(const ProducerOptions& options);

[[nodiscard]] inline bool is_idempotent(const ProducerOptions& options) {
  return options.idempotent.value_or(options.acks == Acks::kAll);
}

}  // namespace forebay::client
