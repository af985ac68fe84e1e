/* Needs the loader of its target. */
int main(void) { return 0; }
