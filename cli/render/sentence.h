// Events as people tell them.
#pragma once

#include <string>

#include "skerry/v1/event.pb.h"

namespace skerry::cli {

/// "container web (3f2a91c07d55) exited with code 7": without a time and a line end. Control
/// characters are replaced.
std::string sentence(const v1::Event& event);

/// Whom it is about, in one word: a name or id, an image, a volume, a network. Empty: nobody.
std::string subject(const v1::Event& event);

}  // namespace skerry::cli
