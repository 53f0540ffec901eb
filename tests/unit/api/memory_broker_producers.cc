// Sessions of producers: names are the controller's, everything else is this node's.
#include <utility>

#include "memory_broker.h"

namespace forebay::test {

void MemoryBroker::init_producer(broker::InitProducerRequest request,
                                 broker::Done<broker::ProducerSession> done) {
  post([this, request = std::move(request), done = std::move(done)]() mutable {
    inits.push_back(request);
    if (request.name.empty())
      return done(broker::ProducerSession{std::exchange(next_producer_id_, next_producer_id_.next())});
    if (auto leads = check_leads(kController); !leads) return done(leads.error());
    const auto [known, is_new] = producers.try_emplace(request.name);
    if (is_new) {
      known->second.id = std::exchange(next_producer_id_, next_producer_id_.next());
    } else {
      known->second.epoch = known->second.epoch.next();
    }
    done(known->second);
  });
}

void MemoryBroker::list_producers(broker::ListProducersRequest request,
                                  broker::Done<broker::ProducerPage> done) {
  post([this, request = std::move(request), done = std::move(done)]() mutable {
    broker::ProducerPage page;
    for (auto at = producers.upper_bound(request.after); at != producers.end() && !page.more; ++at) {
      page.more = page.producers.size() == request.count_max;
      if (!page.more) page.producers.push_back({at->first, at->second});
    }
    done(std::move(page));
  });
}

void MemoryBroker::delete_producer_name(broker::DeleteProducerNameRequest request,
                                        broker::Done<std::monostate> done) {
  post([this, request = std::move(request), done = std::move(done)]() mutable {
    if (auto leads = check_leads(kController); !leads) return done(leads.error());
    if (!producers.contains(request.name))
      return done(Error{ErrorCode::kNotFound, "there is no producer with the name '" + request.name + "'"});
    if (!request.validate_only) producers.erase(request.name);
    done(std::monostate{});
  });
}

}  // namespace forebay::test
