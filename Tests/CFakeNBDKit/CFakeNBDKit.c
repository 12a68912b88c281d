#include "CFakeNBDKit.h"
