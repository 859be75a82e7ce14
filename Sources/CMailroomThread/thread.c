#include "CMailroomThread.h"
