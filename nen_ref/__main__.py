from nen_ref.cli import main

if __name__ == "__main__":
    main()
