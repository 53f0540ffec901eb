// Producer ids: the one decision whose answer says more than that it is taken (docs/adr/0021).
#include <memory>
#include <utility>

#include "cluster/controller.h"

namespace forebay::cluster {

void Controller::grant_producer_ids(const GrantProducerIds& request,
                                    UniqueFunction<void(Result<GrantedIds>)> done) {
  auto granted = std::make_shared<GrantedIds>();
  enqueue(
      [this, request, granted](const ClusterImage& image) {
        auto record = cluster::decide(image, request, alive());
        if (record && *record) {
          const auto& block = std::get<ProducerIdsGranted>(**record);
          *granted = {{block.first, block.count}, true};
        } else if (record) {
          *granted = {image.producer_ids.find(request.node)->second, false};
        }
        return record;
      },
      [granted, done = std::move(done)](Result<ImagePtr> image) mutable {
        if (!image) return done(std::move(image).error());
        done(*granted);
      });
}

}  // namespace forebay::cluster
