#pragma once

void read_disk();
void scan();
