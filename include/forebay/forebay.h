// The whole SDK. Link forebay::forebay; see producer.h, consumer.h and admin.h for what each part promises.
#pragma once

#include "forebay/admin.h"              // IWYU pragma: export
#include "forebay/client_options.h"     // IWYU pragma: export
#include "forebay/consumer.h"           // IWYU pragma: export
#include "forebay/error.h"              // IWYU pragma: export
#include "forebay/group_consumer.h"     // IWYU pragma: export
#include "forebay/groups.h"             // IWYU pragma: export
#include "forebay/named_producer.h"     // IWYU pragma: export
#include "forebay/producer.h"           // IWYU pragma: export
#include "forebay/schema_registry.h"    // IWYU pragma: export
#include "forebay/schema_serializer.h"  // IWYU pragma: export
#include "forebay/schemas.h"            // IWYU pragma: export
#include "forebay/types.h"              // IWYU pragma: export
