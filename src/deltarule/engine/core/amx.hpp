// Whether this process multiplies by matrix tiles (AMX).
#pragma once

namespace deltarule {

// "" where the processor has none, "in use", or one sentence that says why not.  Asked for the first
// time it asks the system for them, and has them multiply a few numbers.
const char* state_of_amx();

bool amx_in_use();

}  // namespace deltarule
