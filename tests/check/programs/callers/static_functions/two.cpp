static void step() {}

void two() { step(); }
