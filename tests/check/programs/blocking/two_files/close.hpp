#pragma once

void close_all();
